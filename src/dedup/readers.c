#include <string.h>

#include "bit/memory.h"
#include "data/decoder.h"
#include "dedup/parts.h"

struct reader { struct bit_decoder *decoder; float *pixels[2]; };
struct dedup_readers { int count; struct reader *list; };

struct dedup_readers *dedup_readers_create(const struct bit_dedup_options *o, struct bit_error *error)
{
    const struct bit_stream_options whole = {.squash = true, .image_size = BIT_PRINT_SIDE, .filter = BIT_FILTER_QUICK, .scan_limit = 100,
                                             .file_limit = o->file_limit, .pixel_limit = o->pixel_limit};
    struct dedup_readers *r = bit_allocate(1, sizeof *r, "picture readers", error);
    if (!r || !(r->list = bit_allocate((size_t)o->threads, sizeof *r->list, "picture readers", error)))
        goto failed;
    for (r->count = 0; r->count < o->threads; r->count++) {
        struct reader *one = &r->list[r->count];
        if (!(one->decoder = bit_decoder_create(&whole, error)) ||
            !(one->pixels[0] = bit_allocate(BIT_PRINT_PIXELS, sizeof(float), "a picture", error)) ||
            !(one->pixels[1] = bit_allocate(BIT_PRINT_PIXELS, sizeof(float), "a picture", error))) {
            r->count++;
            goto failed;
        }
    }
    return r;
failed:
    dedup_readers_destroy(r);
    return NULL;
}

void dedup_readers_destroy(struct dedup_readers *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->count; i++) {
        bit_decoder_destroy(r->list[i].decoder);
        bit_free(r->list[i].pixels[0]);
        bit_free(r->list[i].pixels[1]);
    }
    bit_free(r->list);
    bit_free(r);
}

int dedup_readers_count(const struct dedup_readers *r)
{
    return r->count;
}

enum dedup_reading dedup_read(struct dedup_readers *r, int me, int which, const char *path, const float **pixels, struct bit_hash *content,
                              struct bit_error *error)
{
    struct reader *reader = &r->list[me];
    size_t size;
    *pixels = reader->pixels[which];
    if (bit_decoder_run_file(reader->decoder, path, 0, 0, reader->pixels[which], error)) {
        if (error->code != BIT_EDATA)
            return DEDUP_FAILED;
        enum bit_file_fault fault = bit_decoder_fault(reader->decoder);
        return fault == BIT_FILE_ABSENT || fault == BIT_FILE_REFUSED ? DEDUP_GONE : DEDUP_BAD;
    }
    const void *bytes = bit_decoder_bytes(reader->decoder, &size);
    *content = bit_hash_bytes(bytes, size);
    return DEDUP_READ;
}
