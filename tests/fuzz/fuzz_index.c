/* Index caches: whatever the bytes are, bit_index_check refuses them or everything in them can be read. */
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "data/index.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bit_error error = {0};
    struct bit_index_header *h = aligned_alloc(64, (size + 64) / 64 * 64); /* caches are mapped: aligned */
    size_t sum = 0;
    volatile size_t kept; /* keeps the reads from being optimised away */
    memcpy(h, data, size);
    if (!bit_index_check(h, size, true, &error)) {
        for (uint64_t i = 0; i < h->images; i++) {
            uint32_t folder = ((const uint32_t *)bit_index_section(h, IMAGE_FOLDER))[i];
            sum += strlen(bit_index_text(h, FOLDER_START, folder)) + strlen(bit_index_text(h, IMAGE_START, i));
            const uint64_t *starts = bit_index_section(h, LABEL_START);
            uint64_t from = h->sections[LABEL_START].bytes ? starts[i] : i;
            uint64_t to = h->sections[LABEL_START].bytes ? starts[i + 1] : i + 1;
            for (; from < to; from++)
                sum += strlen(bit_index_text(h, CLASS_START,
                                             (uint64_t)((const int32_t *)bit_index_section(h, LABELS))[from]));
        }
        bit_index_fresh(h);
    }
    kept = sum;
    (void)kept;
    free(h);
    return 0;
}

/* What annotations have of an image, with so many boxes. */
static void add_boxes(struct bit_index_builder *b, int64_t image, int count, struct bit_error *error)
{
    static const double box[4] = {1, 2, 3.5, 4};
    static const uint32_t pixels[2] = {64, 48};
    uint8_t flags = BIT_BOX_CROWD;
    bit_bytes_add(&b->image_ids, &image, sizeof image, error);
    bit_bytes_add(&b->image_pixels, pixels, sizeof pixels, error);
    for (int i = 0; i < count; i++) {
        bit_bytes_add(&b->boxes, box, sizeof box, error);
        bit_bytes_add(&b->box_areas, box, sizeof *box, error);
        bit_bytes_add(&b->box_flags, &flags, 1, error);
    }
}

/* A folder's index, a multi-label list's, and one of boxes. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    struct bit_error error = {0};
    static const enum bit_index_kind kinds[] = {BIT_INDEX_FOLDER, BIT_INDEX_LIST, BIT_INDEX_BOXES};
    bool boxes = which == 2;
    struct bit_index_builder b = {.kind = kinds[which < 3 ? which : 0], .source = "/nowhere", .root = boxes ? "/nowhere/else" : NULL};
    struct timespec time = {1, 2};
    static const int32_t labels[] = {0, 1, 2};
    size_t size = 0;
    bit_index_add_folder(&b, "", time, &error);
    bit_index_add_folder(&b, "a", time, &error);
    bit_index_add_folder(&b, "a/b", time, &error);
    for (char name[2] = "a"; *name < 'd'; ++*name)
        bit_index_add_class(&b, name, &error);
    for (int64_t id = 3; boxes && id < 90; id += 40)
        bit_bytes_add(&b.class_ids, &id, sizeof id, &error);
    for (int i = 0; boxes && i < 9; i++)
        add_boxes(&b, i, i % 3 + 1, &error);
    for (int i = 0; i < 9; i++)
        bit_index_add_image(&b, (uint32_t)i % 3, i % 2 ? "x.jpg" : "some longer name.jpeg", 1000, labels,
                            which ? (size_t)i % 3 + 1 : 1, &error);
    struct bit_index_header *h = bit_index_build(&b, &error);
    if (h && h->bytes <= capacity)
        memcpy(data, h, size = h->bytes);
    bit_free(h);
    bit_index_builder_free(&b);
    return which > 2 ? 0 : size;
}
