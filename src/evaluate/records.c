#include "evaluate/records.h"

#include <string.h>

#include "bit/memory.h"

enum { BLOCK = 1 << 20 }; /* bytes of a rank that travel at a time */

int record_slots_create(struct record_slots *s, uint64_t batches, int micro_batch, size_t bytes, struct bit_error *error)
{
    *s = (struct record_slots){.micro_batch = micro_batch, .batches = batches, .slot_bytes = sizeof(uint64_t) + bytes};
    s->data = bit_allocate(batches * (size_t)micro_batch, s->slot_bytes, "records of the evaluation", error);
    return s->data ? 0 : -1;
}

void record_slots_free(struct record_slots *s)
{
    bit_free(s->data);
    s->data = NULL;
}

void *record_slot(struct record_slots *s, uint64_t batch, int i, uint64_t number)
{
    unsigned char *slot = s->data + (batch * (size_t)s->micro_batch + (size_t)i) * s->slot_bytes;
    number++;
    memcpy(slot, &number, sizeof number);
    return slot + sizeof number;
}

void bit_records_free(struct bit_records *records)
{
    bit_free((void *)records->images);
    bit_free((void *)records->data);
    *records = (struct bit_records){0};
}

static int create_records(struct bit_records *r, uint64_t images, size_t bytes, struct bit_error *error)
{
    *r = (struct bit_records){.bytes = bytes};
    r->images = bit_allocate(images + 1, sizeof *r->images, "records of the evaluation", error);
    r->data = bit_allocate(images + 1, bytes, "records of the evaluation", error);
    return r->images && r->data ? 0 : -1;
}

/* Appends the records of one micro-batch. */
static int take_batch(const struct record_slots *s, const unsigned char *batch, uint64_t images, struct bit_records *r, struct bit_error *error)
{
    for (int i = 0; i < s->micro_batch; i++) {
        const unsigned char *slot = batch + (size_t)i * s->slot_bytes;
        uint64_t number;
        memcpy(&number, slot, sizeof number);
        if (!number)
            continue;
        if (r->count == images)
            return bit_fail(error, BIT_EINTERNAL, "the evaluation kept records of more than its %llu images", (unsigned long long)images);
        ((uint64_t *)r->images)[r->count] = number - 1;
        memcpy((unsigned char *)r->data + r->count * r->bytes, slot + sizeof number, r->bytes);
        r->count++;
    }
    return 0;
}

/* Micro-batches `from` to `end` of every rank; they lie in `all` a rank after another, and rank r's i-th is number i * ranks + r. */
static int take_block(const struct record_slots *s, const unsigned char *all, uint64_t from, uint64_t end, int ranks, uint64_t images,
                      struct bit_records *r, struct bit_error *error)
{
    const size_t batch = (size_t)s->micro_batch * s->slot_bytes;
    for (uint64_t i = 0; i < end - from; i++)
        for (uint64_t rank = 0; rank < (uint64_t)ranks; rank++)
            if (take_batch(s, all + (rank * (end - from) + i) * batch, images, r, error))
                return -1;
    return 0;
}

int record_slots_gather(const struct record_slots *s, struct bit_group *group, uint64_t images, struct bit_records *records,
                        struct bit_error *error)
{
    const size_t batch = (size_t)s->micro_batch * s->slot_bytes;
    const uint64_t block = batch < BLOCK ? BLOCK / batch : 1;
    unsigned char *all = bit_allocate((size_t)group->size * block, batch, "records of all ranks", error);
    *records = (struct bit_records){0};
    if (all && group->rank == 0)
        create_records(records, images, s->slot_bytes - sizeof(uint64_t), error);
    int result = bit_group_agree(group, error);
    for (uint64_t from = 0; !result && from < s->batches; from += block) {
        uint64_t end = from + block < s->batches ? from + block : s->batches;
        result = bit_group_gather(group, s->data + from * batch, (end - from) * batch, all, error);
        if (!result && group->rank == 0) /* what fails here fails all below */
            take_block(s, all, from, end, group->size, images, records, error);
    }
    if (!result)
        result = bit_group_agree(group, error);
    if (result)
        bit_records_free(records);
    bit_free(all);
    return result;
}
