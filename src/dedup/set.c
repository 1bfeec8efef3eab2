#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "dedup/parts.h"

enum { LOOKS = 1 /* raised when looks change */ };

size_t dedup_record_size(int turns)
{
    return sizeof(struct dedup_record) + (size_t)turns * sizeof(struct bit_look);
}

/* The folder itself, or that of the list, as an index names it. */
static int find_root(struct dedup_set *set, const char *path, struct bit_error *error)
{
    struct stat status;
    if (!realpath(path, set->root) || stat(set->root, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot find %s", path);
    if (!S_ISDIR(status.st_mode))
        *strrchr(set->root, '/') = 0;
    return 0;
}

int dedup_set_open(struct dedup_set *set, const char *path, int turns, const char *ledger, const struct bit_dedup_options *o,
                   struct bit_error *error)
{
    char classes[BIT_HASH_TEXT], images[BIT_HASH_TEXT], file[PATH_MAX], text[200];
    set->turns = turns;
    set->known = true;
    if (find_root(set, path, error) || bit_path_join(file, sizeof file, o->folder, ledger, error) || !(set->index = bit_index_open(path, NULL, NULL, bit_group_self(), error)) ||
        !(set->records = bit_allocate(DEDUP_BLOCK, dedup_record_size(turns), "what pictures look like", error)))
        return -1;
    bit_index_fingerprint(set->index, classes, images);
    int size = snprintf(text, sizeof text, "%d %s %d %d %llu %llu", LOOKS, images, turns, DEDUP_BLOCK, (unsigned long long)o->file_limit,
                        (unsigned long long)o->pixel_limit);
    set->key = bit_hash_bytes(text, (size_t)size);
    set->ledger = bit_ledger_open(file, set->key, error);
    return set->ledger ? 0 : -1;
}

void dedup_set_close(struct dedup_set *set)
{
    bit_ledger_close(set->ledger);
    bit_index_close(set->index);
    bit_free(set->records);
}

int dedup_set_path(const struct dedup_set *set, uint64_t image, char path[PATH_MAX], struct bit_error *error)
{
    size_t root = strlen(set->root);
    if (bit_index_image_path(set->index, image, path, PATH_MAX, error))
        return -1;
    if (!strncmp(path, set->root, root) && path[root] == '/')
        memmove(path, path + root + 1, strlen(path + root + 1) + 1);
    return 0;
}

static enum dedup_reading look(struct dedup_set *set, struct dedup_readers *readers, int me, uint64_t image, struct dedup_record *record,
                               struct bit_error *error)
{
    char path[PATH_MAX];
    const float *pixels;
    int quality;
    memset(record, 0, dedup_record_size(set->turns));
    record->bad = 1;
    if (bit_index_image_path(set->index, image, path, sizeof path, error))
        return error->code == BIT_EDATA ? DEDUP_BAD : DEDUP_FAILED;
    enum dedup_reading reading = dedup_read(readers, me, 0, path, &pixels, &record->content, error);
    if (reading != DEDUP_READ) {
        bit_fail_at(error, "%s", path);
        return reading;
    }
    bit_look_at(pixels, set->turns, record->looks, &quality);
    record->quality = (uint8_t)quality;
    record->bad = 0;
    return reading;
}

/* A folder that has gone is no folder of bad pictures, whose verdicts would be kept. */
static int check_block(size_t count, size_t bad, size_t gone, const struct bit_error *first, struct bit_error *error)
{
    if (gone == count && count > 1)
        return bit_fail(error, BIT_EENVIRONMENT, "none of %zu pictures in a row can be opened, the first: %s", count, first->text);
    if (bad)
        bit_log(BIT_LOG_WARNING, "%zu of %zu pictures cannot be read, e.g. %s", bad, count, first->text);
    return 0;
}

static int compute(struct dedup_set *set, struct dedup_readers *readers, size_t count, struct bit_error *error)
{
    size_t bad = 0, gone = 0, size = dedup_record_size(set->turns), worst = SIZE_MAX;
    struct bit_error first = {0};
#pragma omp parallel for schedule(dynamic) num_threads(dedup_readers_count(readers)) reduction(+ : bad, gone)
    for (size_t i = 0; i < count; i++) {
        struct bit_error own = {0};
        enum dedup_reading reading = look(set, readers, omp_get_thread_num(), set->next + i, (void *)(set->records + i * size), &own);
        bad += reading != DEDUP_READ;
        gone += reading == DEDUP_GONE;
        if (reading == DEDUP_READ)
            continue;
#pragma omp critical(dedup_look)
        {
            if (reading == DEDUP_FAILED)
                bit_fail(error, own.code, "%s", own.text);
            else if (i < worst)
                first = own, worst = i;
        }
    }
    set->computed += count;
    return error->code || check_block(count, bad, gone, &first, error) ? -1 : bit_ledger_add(set->ledger, set->records, count * size, error);
}

int dedup_set_block(struct dedup_set *set, struct dedup_readers *readers, const unsigned char **records, size_t *count, struct bit_error *error)
{
    uint64_t left = bit_index_images(set->index) - set->next;
    size_t size, wanted = left < DEDUP_BLOCK ? (size_t)left : DEDUP_BLOCK;
    *count = wanted;
    if (!wanted)
        return 0;
    if (set->known) {
        const void *data;
        int got = bit_ledger_next(set->ledger, &data, &size, error);
        if (got < 0)
            return -1;
        if (got && size != wanted * dedup_record_size(set->turns))
            return bit_fail(error, BIT_EDATA, "%s: a block has another size than its pictures need; remove the folder of results and begin anew", set->root);
        set->known = got == 1;
        *records = data;
    }
    if (!set->known) {
        if (compute(set, readers, wanted, error))
            return -1;
        *records = set->records;
    }
    set->next += wanted;
    return 0;
}
