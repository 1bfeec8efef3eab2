/* Is this block of memory an index? It comes from a file that anybody may have written. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "index.h"

static int bad(struct bit_error *error, const char *what)
{
    return bit_fail(error, BIT_EDATA, "index cache is damaged: %s", what);
}

static int check_header(const struct bit_index_header *h, size_t size, bool trusted_hash, struct bit_error *error)
{
    size_t skip = offsetof(struct bit_index_header, bytes);
    if (size < sizeof *h || memcmp(h->magic, "bitindex", 8))
        return bad(error, "not an index");
    if (h->version != BIT_INDEX_VERSION || h->endian != BIT_INDEX_ENDIAN)
        return bad(error, "written by another version or machine");
    if (h->bytes != size)
        return bad(error, "size differs from what it says");
    struct bit_hash hash = {h->hash[0], h->hash[1]};
    if (!trusted_hash && !bit_hash_equal(hash, bit_hash_bytes((const char *)h + skip, size - skip)))
        return bad(error, "checksum differs");
    if (h->kind > BIT_INDEX_BOXES)
        return bad(error, "unknown kind");
    return 0;
}

static int check_sections(const struct bit_index_header *h, struct bit_error *error)
{
    uint64_t at = sizeof *h, limit = (uint64_t)1 << 40;
    if (h->images > limit || h->labels > limit || h->classes > INT32_MAX || h->folders > UINT32_MAX)
        return bad(error, "impossible counts");
    bool boxes = h->kind == BIT_INDEX_BOXES;
    uint64_t exact[SECTIONS] = {
        [CLASS_START] = (h->classes + 1) * 8, [FOLDER_START] = (h->folders + 1) * 8, [FOLDER_TIME] = h->folders * 16,
        [IMAGE_FOLDER] = h->images * 4, [IMAGE_START] = (h->images + 1) * 8, [IMAGE_SIZE] = h->images * 4,
        [LABELS] = h->labels * 4, [LABEL_START] = h->sections[LABEL_START].bytes ? (h->images + 1) * 8 : 0,
        [CLASS_ID] = boxes * h->classes * 8, [IMAGE_ID] = boxes * h->images * 8, [IMAGE_PIXELS] = boxes * h->images * 8,
        [BOXES] = boxes * h->labels * 32, [BOX_AREA] = boxes * h->labels * 8, [BOX_FLAGS] = boxes * h->labels,
    };
    for (int s = 0; s < SECTIONS; s++) {
        uint64_t bytes = h->sections[s].bytes;
        bool text = s == SOURCE || s == ROOT || s == CLASS_TEXT || s == FOLDER_TEXT || s == IMAGE_TEXT || s == NOTES;
        if (h->sections[s].start != at || bytes > h->bytes - at || (!text && bytes != exact[s]))
            return bad(error, "sections overlap or have wrong sizes");
        at += (bytes + 7) / 8 * 8;
        if (at > h->bytes)
            return bad(error, "sections are longer than the file");
    }
    return at == h->bytes ? 0 : bad(error, "bytes after the last section");
}

/* Every text ends where the next one starts and holds no other 0. */
static int check_texts(const struct bit_index_header *h, enum bit_index_section s, uint64_t count,
                       struct bit_error *error)
{
    const uint64_t *starts = bit_index_section(h, s);
    const char *text = bit_index_section(h, s + 1);
    uint64_t bytes = h->sections[s + 1].bytes;
    if (starts[0] != 0 || starts[count] != bytes)
        return bad(error, "texts do not fill their section");
    for (uint64_t i = 0; i < count; i++) {
        if (starts[i + 1] <= starts[i] || starts[i + 1] > bytes)
            return bad(error, "texts overlap");
        if (memchr(text + starts[i], 0, starts[i + 1] - starts[i]) != text + starts[i + 1] - 1)
            return bad(error, "a text is not terminated");
    }
    return 0;
}

/* Relative, and never upwards. */
static bool path_ok(const char *path, bool slashes)
{
    if (!*path || *path == '/')
        return false;
    while (*path) {
        const char *end = strchrnul(path, '/');
        size_t size = (size_t)(end - path);
        if (!size || (size == 2 && !memcmp(path, "..", 2)) || (size == 1 && *path == '.'))
            return false;
        if (!*end)
            return true;
        if (!slashes)
            return false;
        path = end + 1;
    }
    return false; /* ends with a slash */
}

static int check_names(const struct bit_index_header *h, struct bit_error *error)
{
    const char *source = bit_index_section(h, SOURCE);
    uint64_t bytes = h->sections[SOURCE].bytes;
    if (!bytes || memchr(source, 0, bytes) != source + bytes - 1 || *source != '/')
        return bad(error, "its source is no path");
    const char *root = bit_index_section(h, ROOT);
    bytes = h->sections[ROOT].bytes;
    if (!bytes || memchr(root, 0, bytes) != root + bytes - 1 || (h->kind == BIT_INDEX_BOXES ? *root != '/' : *root != 0))
        return bad(error, "the folder of its images is no path");
    const char *notes = bit_index_section(h, NOTES);
    bytes = h->sections[NOTES].bytes;
    if (!bytes || memchr(notes, 0, bytes) != notes + bytes - 1)
        return bad(error, "its notes are no text");
    for (uint64_t i = 0; i < h->classes; i++) {
        const char *name = bit_index_text(h, CLASS_START, i);
        if (!bit_index_name_ok(name, strlen(name)))
            return bad(error, "a class name is not UTF-8 text");
        if (i && h->kind != BIT_INDEX_BOXES && strcmp(bit_index_text(h, CLASS_START, i - 1), name) >= 0)
            return bad(error, "classes are not in order");
    }
    for (uint64_t i = 0; i < h->folders; i++) {
        const char *path = bit_index_text(h, FOLDER_START, i);
        if (i ? !path_ok(path, true) : *path != 0)
            return bad(error, "a folder's path leads elsewhere");
    }
    for (uint64_t i = 0; i < h->images; i++)
        if (!path_ok(bit_index_text(h, IMAGE_START, i), h->kind != BIT_INDEX_FOLDER))
            return bad(error, "an image's path leads elsewhere");
    return 0;
}

/* Boxes are finite numbers, and classes are in the order of their ids. */
static int check_boxes(const struct bit_index_header *h, struct bit_error *error)
{
    const double *boxes = bit_index_section(h, BOXES), *areas = bit_index_section(h, BOX_AREA);
    const int64_t *ids = bit_index_section(h, CLASS_ID);
    for (uint64_t i = 0; i < 4 * h->labels; i++)
        if (!isfinite(boxes[i]) || !isfinite(areas[i / 4]))
            return bad(error, "a box has no finite place");
    for (uint64_t i = 1; i < h->classes; i++)
        if (ids[i] <= ids[i - 1])
            return bad(error, "category ids are not in order");
    return 0;
}

static int check_numbers(const struct bit_index_header *h, struct bit_error *error)
{
    const uint32_t *folders = bit_index_section(h, IMAGE_FOLDER);
    const int32_t *labels = bit_index_section(h, LABELS);
    const uint64_t *starts = bit_index_section(h, LABEL_START);
    for (uint64_t i = 0; i < h->images; i++)
        if (folders[i] >= h->folders)
            return bad(error, "an image's folder does not exist");
    for (uint64_t i = 0; i < h->labels; i++)
        if (labels[i] < 0 || (uint64_t)labels[i] >= h->classes)
            return bad(error, "a label has no class");
    bool boxes = h->kind == BIT_INDEX_BOXES;
    if (!h->sections[LABEL_START].bytes && !boxes)
        return h->labels == h->images && h->labels_most == 1 ? 0 : bad(error, "labels and images differ in number");
    if (!h->sections[LABEL_START].bytes || starts[0] != 0 || starts[h->images] != h->labels)
        return bad(error, "labels do not belong to images");
    for (uint64_t i = 0; i < h->images; i++)
        if (starts[i + 1] < starts[i] + !boxes || starts[i + 1] - starts[i] > h->labels_most || starts[i + 1] > h->labels)
            return bad(error, "an image's labels are out of order");
    return boxes ? check_boxes(h, error) : 0;
}

int bit_index_check(const void *data, size_t size, bool trusted_hash, struct bit_error *error)
{
    const struct bit_index_header *h = data;
    if (check_header(h, size, trusted_hash, error) || check_sections(h, error))
        return -1;
    if (!h->images || !h->classes || !h->folders)
        return bad(error, "it holds no images");
    if (check_texts(h, CLASS_START, h->classes, error) || check_texts(h, FOLDER_START, h->folders, error) ||
        check_texts(h, IMAGE_START, h->images, error))
        return -1;
    return check_names(h, error) || check_numbers(h, error) ? -1 : 0;
}

bool bit_index_settled(const struct bit_index_header *h)
{
    const int64_t *times = bit_index_section(h, FOLDER_TIME);
    for (uint64_t i = 0; i < h->folders; i++)
        if (times[2 * i] == -1)
            return false;
    return true;
}

bool bit_index_fresh(const struct bit_index_header *h)
{
    const char *source = bit_index_section(h, SOURCE);
    const int64_t *times = bit_index_section(h, FOLDER_TIME);
    struct stat status;
    char path[4096];
    for (uint64_t i = 0; i < h->folders; i++) {
        const char *folder = bit_index_text(h, FOLDER_START, i);
        if (*folder ? bit_path_join(path, sizeof path, source, folder, NULL) != 0 : strlen(source) >= sizeof path)
            return false;
        if (!*folder)
            strcpy(path, source);
        if (stat(path, &status) || status.st_mtim.tv_sec != times[2 * i] || status.st_mtim.tv_nsec != times[2 * i + 1])
            return false;
        if (h->kind != BIT_INDEX_FOLDER && (uint64_t)status.st_size != h->source_bytes)
            return false;
    }
    return true;
}
