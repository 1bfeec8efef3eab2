/* Puts a list of images, folders, classes and labels together into the block that is an index. */
#include <string.h>

#include "bit/memory.h"
#include "bit/text.h"
#include "index.h"

int bit_bytes_add(struct bit_bytes *pool, const void *data, size_t size, struct bit_error *error)
{
    if (pool->size + size > pool->capacity) {
        size_t capacity = pool->capacity * 2 > pool->size + size ? pool->capacity * 2 : pool->size + size + 4096;
        char *grown = bit_allocate(capacity, 1, "the index of images", error);
        if (!grown)
            return -1;
        if (pool->size)
            memcpy(grown, pool->data, pool->size);
        bit_free(pool->data);
        pool->data = grown;
        pool->capacity = capacity;
    }
    if (size)
        memcpy(pool->data + pool->size, data, size);
    pool->size += size;
    return 0;
}

void bit_bytes_free(struct bit_bytes *pool)
{
    bit_free(pool->data);
    *pool = (struct bit_bytes){0};
}

bool bit_index_name_ok(const char *name, size_t size)
{
    if (!size || !bit_text_is_utf8(name, size))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    return true;
}

static int add_text(struct bit_bytes *starts, struct bit_bytes *texts, const char *text, struct bit_error *error)
{
    uint64_t start = texts->size;
    return bit_bytes_add(starts, &start, sizeof start, error) || bit_bytes_add(texts, text, strlen(text) + 1, error) ? -1 : 0;
}

int64_t bit_index_add_class(struct bit_index_builder *b, const char *name, struct bit_error *error)
{
    return add_text(&b->class_starts, &b->class_text, name, error) ? -1 : (int64_t)b->classes++;
}

int64_t bit_index_add_folder(struct bit_index_builder *b, const char *path, struct timespec modified,
                             struct bit_error *error)
{
    int64_t time[2] = {modified.tv_sec, modified.tv_nsec};
    /* A folder that changed just now may change again within the same tick of its clock. */
    if (modified.tv_sec >= b->started.tv_sec - 2)
        time[0] = time[1] = -1;
    if (b->folders == UINT32_MAX)
        return bit_fail(error, BIT_EDATA, "more than %u folders", UINT32_MAX);
    if (add_text(&b->folder_starts, &b->folder_text, path, error) ||
        bit_bytes_add(&b->folder_times, time, sizeof time, error))
        return -1;
    return (int64_t)b->folders++;
}

int bit_index_add_image(struct bit_index_builder *b, uint32_t folder, const char *name, uint64_t size,
                        const int32_t *labels, size_t label_count, struct bit_error *error)
{
    struct bit_index_entry entry = {b->names.size, folder, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size};
    uint64_t start = b->labels.size / sizeof *labels;
    if (bit_bytes_add(&b->names, name, strlen(name) + 1, error) ||
        bit_bytes_add(&b->entries, &entry, sizeof entry, error) ||
        bit_bytes_add(&b->label_starts, &start, sizeof start, error) ||
        bit_bytes_add(&b->labels, labels, label_count * sizeof *labels, error))
        return -1;
    b->images++;
    b->image_bytes += size;
    if (label_count > b->labels_most)
        b->labels_most = (uint32_t)label_count;
    return 0;
}

void bit_index_builder_free(struct bit_index_builder *b)
{
    struct bit_bytes *pools[] = {&b->class_starts, &b->class_text, &b->folder_starts, &b->folder_text, &b->folder_times,
                                &b->entries, &b->names, &b->labels, &b->label_starts, &b->class_ids, &b->image_ids, &b->image_pixels,
                                &b->boxes, &b->box_areas, &b->box_flags};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        bit_bytes_free(pools[i]);
    bit_text_free(&b->notes);
}

static void hash_to(uint64_t out[2], struct bit_hash hash)
{
    out[0] = hash.high;
    out[1] = hash.low;
}

/* Names in order; and paths, labels and boxes in order. They do not depend on where the data lie. */
static int add_fingerprints(struct bit_index_header *h, struct bit_error *error)
{
    struct bit_hasher *hasher = bit_hasher_create(error);
    if (!hasher)
        return -1;
    hash_to(h->class_hash, bit_hash_bytes(bit_index_section(h, CLASS_TEXT), h->sections[CLASS_TEXT].bytes));
    const uint32_t *folders = bit_index_section(h, IMAGE_FOLDER);
    const int32_t *labels = bit_index_section(h, LABELS);
    const uint64_t *starts = h->sections[LABEL_START].bytes ? bit_index_section(h, LABEL_START) : NULL;
    for (uint64_t i = 0; i < h->images; i++) {
        const char *folder = bit_index_text(h, FOLDER_START, folders[i]), *name = bit_index_text(h, IMAGE_START, i);
        uint64_t from = starts ? starts[i] : i, to = starts ? starts[i + 1] : i + 1;
        if (*folder) {
            bit_hasher_add(hasher, folder, strlen(folder));
            bit_hasher_add(hasher, "/", 1);
        }
        bit_hasher_add(hasher, name, strlen(name) + 1);
        for (; from < to; from++)
            bit_hasher_add(hasher, &labels[from], sizeof *labels);
        bit_hasher_add(hasher, "\n", 1);
    }
    for (int s = BOXES; s <= BOX_FLAGS; s++)
        bit_hasher_add(hasher, bit_index_section(h, (enum bit_index_section)s), h->sections[s].bytes);
    hash_to(h->image_hash, bit_hasher_result(hasher));
    bit_hasher_destroy(hasher);
    return 0;
}

static void put_images(struct bit_index_header *h, const struct bit_index_builder *b)
{
    const struct bit_index_entry *entries = (const void *)b->entries.data;
    uint32_t *folders = (uint32_t *)bit_index_section(h, IMAGE_FOLDER);
    uint32_t *sizes = (uint32_t *)bit_index_section(h, IMAGE_SIZE);
    uint64_t *starts = (uint64_t *)bit_index_section(h, IMAGE_START);
    char *texts = (char *)bit_index_section(h, IMAGE_TEXT);
    uint64_t at = 0;
    for (uint64_t i = 0; i < b->images; i++) {
        const char *name = b->names.data + entries[i].name;
        size_t size = strlen(name) + 1;
        folders[i] = entries[i].folder;
        sizes[i] = entries[i].size;
        starts[i] = at;
        memcpy(texts + at, name, size);
        at += size;
    }
    starts[b->images] = at;
}

/* A section of texts' starts, with the end as its last entry. */
static void put_starts(struct bit_index_header *h, enum bit_index_section s, const struct bit_bytes *starts, uint64_t end)
{
    uint64_t *to = (uint64_t *)bit_index_section(h, s);
    if (starts->size)
        memcpy(to, starts->data, starts->size);
    to[starts->size / sizeof *to] = end;
}

static void put(struct bit_index_header *h, enum bit_index_section s, const void *data)
{
    if (h->sections[s].bytes)
        memcpy((char *)bit_index_section(h, s), data, h->sections[s].bytes);
}

static bool has_lists(const struct bit_index_builder *b)
{
    return b->labels_most > 1 || b->kind == BIT_INDEX_BOXES;
}

/* Where each section will stand, and how many bytes all is. */
static struct bit_index_header lay_out(const struct bit_index_builder *b)
{
    const uint64_t bytes[SECTIONS] = {
        [SOURCE] = strlen(b->source) + 1, [ROOT] = (b->root ? strlen(b->root) : 0) + 1,
        [CLASS_START] = (b->classes + 1) * 8, [CLASS_TEXT] = b->class_text.size,
        [FOLDER_START] = (b->folders + 1) * 8, [FOLDER_TEXT] = b->folder_text.size,
        [FOLDER_TIME] = b->folder_times.size,
        [IMAGE_FOLDER] = b->images * 4, [IMAGE_START] = (b->images + 1) * 8, [IMAGE_TEXT] = b->names.size,
        [IMAGE_SIZE] = b->images * 4,
        [LABELS] = b->labels.size, [LABEL_START] = has_lists(b) ? (b->images + 1) * 8 : 0,
        [CLASS_ID] = b->class_ids.size, [IMAGE_ID] = b->image_ids.size, [IMAGE_PIXELS] = b->image_pixels.size, [BOXES] = b->boxes.size,
        [BOX_AREA] = b->box_areas.size, [BOX_FLAGS] = b->box_flags.size,
        [NOTES] = b->notes.size + 1,
    };
    uint64_t total = sizeof(struct bit_index_header);
    struct bit_index_header head = {.version = BIT_INDEX_VERSION, .endian = BIT_INDEX_ENDIAN, .images = b->images,
        .labels = b->labels.size / 4, .classes = b->classes, .folders = b->folders, .image_bytes = b->image_bytes,
        .source_bytes = b->source_bytes, .kind = b->kind, .labels_most = b->labels_most};
    memcpy(head.magic, "bitindex", 8);
    for (int s = 0; s < SECTIONS; s++) {
        head.sections[s].start = total;
        head.sections[s].bytes = bytes[s];
        total += (bytes[s] + 7) / 8 * 8;
    }
    head.bytes = total;
    return head;
}

static void put_all(struct bit_index_header *h, const struct bit_index_builder *b)
{
    put(h, SOURCE, b->source);
    put(h, ROOT, b->root ? b->root : "");
    put_starts(h, CLASS_START, &b->class_starts, b->class_text.size);
    put(h, CLASS_TEXT, b->class_text.data);
    put_starts(h, FOLDER_START, &b->folder_starts, b->folder_text.size);
    put(h, FOLDER_TEXT, b->folder_text.data);
    put(h, FOLDER_TIME, b->folder_times.data);
    put_images(h, b);
    put(h, LABELS, b->labels.data);
    if (has_lists(b))
        put_starts(h, LABEL_START, &b->label_starts, h->labels);
    put(h, CLASS_ID, b->class_ids.data);
    put(h, IMAGE_ID, b->image_ids.data);
    put(h, IMAGE_PIXELS, b->image_pixels.data);
    put(h, BOXES, b->boxes.data);
    put(h, BOX_AREA, b->box_areas.data);
    put(h, BOX_FLAGS, b->box_flags.data);
    put(h, NOTES, b->notes.data ? b->notes.data : "");
}

struct bit_index_header *bit_index_build(const struct bit_index_builder *b, struct bit_error *error)
{
    const struct bit_index_header head = lay_out(b);
    if (b->notes.failed) {
        bit_fail(error, BIT_EENVIRONMENT, "not enough memory for the notes on the images");
        return NULL;
    }
    struct bit_index_header *h = bit_allocate(head.bytes, 1, "the index of images", error);
    if (!h)
        return NULL;
    *h = head;
    put_all(h, b);
    if (add_fingerprints(h, error)) {
        bit_free(h);
        return NULL;
    }
    size_t skip = offsetof(struct bit_index_header, bytes);
    hash_to(h->hash, bit_hash_bytes((char *)h + skip, head.bytes - skip));
    return h;
}
