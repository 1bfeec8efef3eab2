/* Opening an index on all ranks, and asking it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "index.h"

enum { CHUNK = 16 << 20 }; /* bytes broadcast at a time */

struct bit_index {
    struct bit_index_header *block; /* private to this process: labels may be rewritten */
    uint64_t bytes;
    bool received, mapped;          /* mapped: all ranks of this machine have the same pages */
    char source[PATH_MAX];          /* the folder that image paths stand below */
    char cache[PATH_MAX];           /* rank 0: cache file, and whether it holds this block */
    bool cached;
    int classes;                    /* the caller's, or the block's own */
    const uint64_t *class_start;
    const char *class_text;
    void *own_classes;              /* where those two are copies */
    int64_t *category_ids;          /* of annotations: by class */
};

/* ---- cache file ---- */

static int cache_path(char *buffer, size_t size, const char *cache_folder, const char *source, struct bit_error *error)
{
    char name[BIT_HASH_TEXT + 16] = "index-";
    bit_hash_text(bit_hash_bytes(source, strlen(source)), name + 6);
    strcat(name, ".bin");
    return bit_path_join(buffer, size, cache_folder, name, error);
}

/* Reads and checks a cache file. A missing one is no failure, but no index either. It is read, not mapped: a file that another
 * process cuts off or a file server loses would end this one by a signal. */
static struct bit_index_header *read_cache(const char *path, struct bit_error *error)
{
    char *data;
    size_t size;
    if (!bit_file_exists(path) || bit_file_read(path, SIZE_MAX - 1, &data, &size, error))
        return NULL;
    if (!bit_index_check(data, size, false, error))
        return (struct bit_index_header *)data;
    bit_free(data);
    return NULL;
}

static bool load_cache(struct bit_index *index, const char *source, const char *root, bool *from_cache)
{
    struct bit_error error = {0};
    struct bit_index_header *block = read_cache(index->cache, &error);
    if (!block) {
        if (error.code != BIT_OK)
            bit_log(BIT_LOG_WARNING, "%s: %s; scanning again", index->cache, error.text);
        return false;
    }
    if (strcmp(bit_index_section(block, SOURCE), source) || strcmp(bit_index_section(block, ROOT), root) || !bit_index_fresh(block)) {
        bit_log(BIT_LOG_INFO, bit_index_settled(block) ? "%s has changed since it was indexed: scanning again"
                : "%s had changed just before it was indexed, so that a change may be missing: scanning again", source);
        bit_free(block);
        return false;
    }
    index->block = block;
    index->cached = *from_cache = true;
    return true;
}

static void save_cache(struct bit_index *index, const char *cache_folder)
{
    struct bit_error error = {0};
    if (bit_folder_create(cache_folder, &error) ||
        bit_file_write_cache(index->cache, index->block, index->block->bytes, &error))
        bit_log(BIT_LOG_WARNING, "the index is not cached: %s", error.text);
    else
        index->cached = true;
}

/* ---- rank 0 ---- */

static int scan_source(struct bit_index *index, const char *source, const char *root, struct bit_error *error)
{
    struct bit_index_builder builder = {.root = root};
    struct stat status;
    int result;
    clock_gettime(CLOCK_REALTIME, &builder.started);
    if (stat(source, &status))
        result = bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", source);
    else
        result = S_ISDIR(status.st_mode) ? bit_index_scan(&builder, source, error)
                 : *root               ? bit_index_annotations(&builder, source, error)
                                       : bit_index_list(&builder, source, error);
    if (!result)
        index->block = bit_index_build(&builder, error);
    bit_index_builder_free(&builder);
    return index->block ? 0 : -1;
}

/* The notes are kept with the index: an image that is left out is told of again, with each start. */
static void tell_notes(const struct bit_index *index, const char *path)
{
    for (const char *at = bit_index_section(index->block, NOTES), *end; (end = strchr(at, '\n')); at = end + 1)
        bit_log(*at == '!' ? BIT_LOG_WARNING : BIT_LOG_INFO, "%s: %.*s", path, (int)(end - at - 1), at + 1);
}

/* The folder that the images of annotations stand below: the one that is named, or the file's own; "" where `source` is none. */
static int find_root(const char *source, const char *folder, char root[PATH_MAX], struct bit_error *error)
{
    struct stat status;
    bool annotations = !stat(source, &status) && S_ISREG(status.st_mode) && bit_index_is_annotations(source);
    *root = 0;
    if (!annotations)
        return *folder ? bit_fail(error, BIT_EUSAGE, "%s: a folder of images (%s) belongs to annotations, which this is not", source, folder) : 0;
    if (*folder)
        return realpath(folder, root) ? 0 : bit_fail_errno(error, BIT_ENOINPUT, "cannot open the folder of images %s", folder);
    snprintf(root, PATH_MAX, "%s", source);
    strrchr(root, '/')[strrchr(root, '/') == root] = 0;
    return 0;
}

static int open_first(struct bit_index *index, const char *path, const char *folder, const char *cache_folder, const struct bit_index *classes,
                      struct bit_error *error)
{
    char source[PATH_MAX], root[PATH_MAX];
    double start = bit_clock_seconds();
    bool from_cache = false;
    if (!realpath(path, source))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    if (find_root(source, folder, root, error))
        return -1;
    if (cache_folder && cache_path(index->cache, sizeof index->cache, cache_folder, source, error))
        return -1;
    if (!cache_folder || !load_cache(index, source, root, &from_cache)) {
        if (scan_source(index, source, root, error))
            return -1;
        if (cache_folder)
            save_cache(index, cache_folder);
    }
    char took[32];
    bit_clock_duration(bit_clock_seconds() - start, took, sizeof took);
    bit_log(BIT_LOG_INFO, "%s: %llu images in %llu classes (%s in %s)", path, (unsigned long long)index->block->images,
            (unsigned long long)index->block->classes, from_cache ? "from the cache" : "scanned", took);
    if (!classes || strcmp(bit_index_source(classes), source) || strcmp(bit_index_notes(classes), bit_index_notes(index))) /* once for both sets */
        tell_notes(index, path);
    return 0;
}

/* ---- the other ranks ---- */

/* What rank 0's block is. */
struct what { uint64_t bytes, hash[2]; char cache[PATH_MAX]; };

static int tell(const struct bit_index *index, struct bit_group *group, struct what *what, struct bit_error *error)
{
    memset(what, 0, sizeof *what);
    if (group->rank == 0) {
        what->bytes = index->block->bytes;
        memcpy(what->hash, index->block->hash, sizeof what->hash);
        if (index->cached)
            snprintf(what->cache, sizeof what->cache, "%s", index->cache);
    }
    return bit_group_broadcast(group, what, sizeof *what, 0, error);
}

/* The same block, where the cache has it. */
static void find_cached(struct bit_index *index, const struct what *what)
{
    struct bit_index_header *block = *what->cache ? read_cache(what->cache, NULL) : NULL;
    if (block && (block->bytes != what->bytes || memcmp(block->hash, what->hash, sizeof what->hash))) {
        bit_free(block);
        block = NULL;
    }
    index->block = block;
}

/* To the ranks that want a block, through everybody. Collective. */
static int deliver(struct bit_index *index, struct bit_group *group, uint64_t bytes, bool wanted, struct bit_error *error)
{
    char *scratch = NULL;
    index->received |= wanted;
    if (wanted)
        index->block = bit_allocate(bytes, 1, "the index of images", error);
    else if (group->rank)
        scratch = bit_allocate(bytes < CHUNK ? bytes : CHUNK, 1, "a broadcast of the index", error);
    int result = bit_group_agree(group, error);
    for (uint64_t at = 0; !result && at < bytes; at += CHUNK) {
        size_t size = bytes - at < CHUNK ? bytes - at : CHUNK;
        result = bit_group_broadcast(group, scratch ? scratch : (char *)index->block + at, size, 0, error);
    }
    bit_free(scratch);
    return result;
}

/* Ranks that are to have a block and have none look for it in the cache, then get it from rank 0. Collective. */
static int obtain(struct bit_index *index, struct bit_group *group, const struct what *what, bool needed, struct bit_error *error)
{
    if (needed && !index->block)
        find_cached(index, what);
    bool wanted = needed && !index->block;
    char mine = !wanted, all[group->size];
    if (bit_group_gather(group, &mine, 1, all, error))
        return -1;
    return memchr(all, 0, (size_t)group->size) ? deliver(index, group, what->bytes, wanted, error) : 0;
}

/* The first rank of each machine hands its block to the others there, as far as they can reach it. Collective. */
static int pass_on(struct bit_index *index, struct bit_group *group, const struct what *what, struct bit_error *error)
{
    struct place { long process, descriptor; } mine = {(long)getpid(), -1}, all[group->size];
    struct bit_index_header *mapped = NULL;
    char done = 0, others[group->size];
    if (group->node_rank == 0 && group->node_size > 1)
        mine.descriptor = bit_index_publish(index->block, what->bytes, &mapped);
    int result = bit_group_gather(group, &mine, sizeof mine, all, error);
    if (result == 0 && group->node_rank > 0 && !index->block) {
        for (int r = 0; r < group->rank && !index->block; r++)
            if (all[r].descriptor >= 0)
                index->block = bit_index_adopt(all[r].process, all[r].descriptor, what->bytes, what->hash);
        index->mapped = index->block != NULL;
    }
    if (result == 0) /* A publisher closes its descriptor only after every rank has tried to adopt the block. */
        result = bit_group_gather(group, &done, 1, others, error);
    if (mine.descriptor >= 0) {
        close((int)mine.descriptor);
        bit_free(index->block);
        index->block = mapped;
        index->mapped = true;
    }
    return result;
}

static int share(struct bit_index *index, struct bit_group *group, struct bit_error *error)
{
    struct what what;
    if (tell(index, group, &what, error))
        return -1;
    index->bytes = what.bytes;
    return obtain(index, group, &what, group->node_rank == 0, error) ||
           pass_on(index, group, &what, error) || obtain(index, group, &what, true, error) ? -1 : 0;
}

/* ---- every rank ---- */

int bit_index_find_class(const struct bit_index *classes, const char *name)
{
    int low = 0, high = classes->classes - 1;
    for (int i = 0; bit_index_has_boxes(classes) && i < classes->classes; i++) /* by id, not by name */
        if (!strcmp(name, bit_index_class_name(classes, i)))
            return i;
    if (bit_index_has_boxes(classes))
        return -1;
    while (low <= high) {
        int middle = low + (high - low) / 2, order = strcmp(name, bit_index_class_name(classes, middle));
        if (!order)
            return middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

/* Room for the category ids of `classes`, and these. */
static int copy_categories(struct bit_index *index, const int64_t *ids, size_t classes, struct bit_error *error)
{
    if (!(index->category_ids = bit_allocate(classes, sizeof *ids, "category ids", error)))
        return -1;
    memcpy(index->category_ids, ids, classes * sizeof *ids);
    return 0;
}

/* Category ids by the numbers that classes have got; classes that this file does not have keep those of the training data. */
static void renumber_categories(struct bit_index *index, const int32_t *number)
{
    const int64_t *ids = bit_index_section(index->block, CLASS_ID);
    for (uint64_t i = 0; i < index->block->classes; i++)
        index->category_ids[number[i]] = ids[i];
}

/* Boxes are evaluated with boxes. */
static int adopt_categories(struct bit_index *index, const struct bit_index *classes, struct bit_error *error)
{
    bool boxes = bit_index_has_boxes(index);
    if (boxes != bit_index_has_boxes(classes))
        return bit_fail(error, BIT_EDATA, "%s has %s, but the training data has %s", bit_index_source(index), boxes ? "boxes" : "no boxes",
                        boxes ? "none" : "boxes");
    return boxes ? copy_categories(index, classes->category_ids, (size_t)classes->classes, error) : 0;
}

/* Labels get the numbers that their class names have in `classes`, which are copied: it may be closed first. */
static int adopt_classes(struct bit_index *index, const struct bit_index *classes, struct bit_error *error)
{
    struct bit_index_header *block = index->block;
    size_t starts = ((size_t)classes->classes + 1) * 8, texts = classes->class_start[classes->classes];
    int32_t *number = bit_allocate(block->classes, sizeof *number, "class numbers", error);
    char *copy = bit_allocate(starts + texts, 1, "class names", error);
    int result = number && copy ? adopt_categories(index, classes, error) : -1;
    for (uint64_t i = 0; !result && i < block->classes; i++) {
        const char *name = bit_index_text(block, CLASS_START, i);
        number[i] = bit_index_find_class(classes, name);
        if (number[i] < 0)
            result = bit_index_unknown(index->source, block, i, classes, error);
    }
    if (!result) {
        int32_t *labels = (int32_t *)bit_index_section(block, LABELS);
        for (uint64_t i = 0; i < block->labels; i++)
            if (labels[i] != number[labels[i]])
                labels[i] = number[labels[i]];
        memcpy(copy, classes->class_start, starts);
        memcpy(copy + starts, classes->class_text, texts);
        index->own_classes = copy;
        index->classes = classes->classes;
        index->class_start = (const uint64_t *)copy;
        index->class_text = copy + starts;
        if (bit_index_has_boxes(index))
            renumber_categories(index, number);
        copy = NULL;
    }
    bit_free(copy);
    bit_free(number);
    return result;
}

static int finish(struct bit_index *index, const struct bit_index *classes, struct bit_error *error)
{
    const struct bit_index_header *block = index->block;
    if (index->received && bit_index_check(block, index->bytes, false, error))
        return -1;
    snprintf(index->source, sizeof index->source, "%s", (const char *)bit_index_section(block, SOURCE));
    if (block->kind == BIT_INDEX_BOXES)
        snprintf(index->source, sizeof index->source, "%s", (const char *)bit_index_section(block, ROOT));
    if (block->kind == BIT_INDEX_LIST && strrchr(index->source, '/'))
        *strrchr(index->source, '/') = 0;
    if (!*index->source)
        strcpy(index->source, "/");
    if (classes)
        return adopt_classes(index, classes, error);
    index->classes = (int)block->classes;
    index->class_start = bit_index_section(block, CLASS_START);
    index->class_text = bit_index_section(block, CLASS_TEXT);
    return bit_index_has_boxes(index) ? copy_categories(index, bit_index_section(block, CLASS_ID), block->classes, error) : 0;
}

struct bit_index *bit_index_open(const char *path, const char *cache_folder, const struct bit_index *classes,
                                 struct bit_group *group, struct bit_error *error)
{
    return bit_index_open_below(path, "", cache_folder, classes, group, error);
}

struct bit_index *bit_index_open_below(const char *path, const char *folder, const char *cache_folder, const struct bit_index *classes,
                                       struct bit_group *group, struct bit_error *error)
{
    struct bit_error mine = {0};
    struct bit_index *index = bit_allocate(1, sizeof *index, "an index", &mine);
    if (index && group->rank == 0)
        open_first(index, path, folder, cache_folder, classes, &mine);
    int result = bit_group_agree(group, &mine);
    if (!result)
        result = share(index, group, &mine);
    /* A failed collective has failed everywhere; what is local is agreed on. */
    if (!result) {
        finish(index, classes, &mine);
        result = bit_group_agree(group, &mine);
    }
    if (!result)
        return index;
    bit_fail(error, mine.code, "%s", mine.text);
    bit_index_close(index);
    return NULL;
}

/* The path with its folder resolved: an index accepts no ".." in it. */
static int whole_path(const char *path, char *whole, struct bit_error *error)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int used = slash ? snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path) : snprintf(folder, sizeof folder, ".");
    if (used < 0 || (size_t)used >= sizeof folder)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", path);
    if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return bit_fail(error, BIT_EUSAGE, "%s is no file", path);
    if (!realpath(folder, real))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    return bit_path_join(whole, PATH_MAX, real, name, error);
}

struct bit_index *bit_index_of_files(const char *const *paths, size_t count, struct bit_error *error)
{
    static const int32_t label = 0;
    struct bit_index_builder builder = {.kind = BIT_INDEX_LIST, .source = "/"};
    struct bit_index *index = bit_allocate(1, sizeof *index, "an index", error);
    char path[PATH_MAX];
    int result = index && bit_index_add_class(&builder, "unlabelled", error) >= 0 &&
                 bit_index_add_folder(&builder, "", builder.started, error) >= 0 ? 0 : -1;
    for (size_t i = 0; !result && i < count; i++)
        result = whole_path(paths[i], path, error) || bit_index_add_image(&builder, 0, path + 1, 0, &label, 1, error) ? -1 : 0;
    if (!result && !(index->block = bit_index_build(&builder, error)))
        result = -1;
    bit_index_builder_free(&builder);
    if (!result)
        result = finish(index, NULL, error);
    if (!result)
        return index;
    bit_index_close(index);
    return NULL;
}

void bit_index_close(struct bit_index *index)
{
    if (!index)
        return;
    if (index->mapped)
        munmap(index->block, index->bytes);
    else
        bit_free(index->block);
    bit_free(index->own_classes);
    bit_free(index->category_ids);
    bit_free(index);
}

const struct bit_index_header *bit_index_block(const struct bit_index *index)
{
    return index->block;
}

int64_t bit_index_category(const struct bit_index *index, int label)
{
    return index->category_ids[label];
}

uint64_t bit_index_images(const struct bit_index *index)
{
    return index->block->images;
}

int bit_index_classes(const struct bit_index *index)
{
    return index->classes;
}

uint64_t bit_index_bytes(const struct bit_index *index)
{
    return index->block->image_bytes;
}

uint64_t bit_index_label_count(const struct bit_index *index)
{
    return index->block->labels;
}

int bit_index_labels_most(const struct bit_index *index)
{
    return (int)index->block->labels_most;
}

const char *bit_index_class_name(const struct bit_index *index, int label)
{
    return index->class_text + index->class_start[label];
}

int bit_index_class_names(const struct bit_index *index, struct bit_text *text, struct bit_error *error)
{
    for (int i = 0; i < bit_index_classes(index); i++)
        bit_text_add(text, "%s\n", bit_index_class_name(index, i));
    return text->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: names of classes") : 0;
}

void bit_index_fingerprint(const struct bit_index *index, char classes[33], char images[33])
{
    const struct bit_index_header *block = index->block;
    bit_hash_text(bit_hash_bytes(index->class_text, index->class_start[index->classes]), classes);
    bit_hash_text((struct bit_hash){block->image_hash[0], block->image_hash[1]}, images);
}

const char *bit_index_source(const struct bit_index *index)
{
    return bit_index_section(index->block, SOURCE);
}

const char *bit_index_notes(const struct bit_index *index)
{
    return bit_index_section(index->block, NOTES);
}

bool bit_index_is_list(const struct bit_index *index)
{
    return index->block->kind != BIT_INDEX_FOLDER;
}

int bit_index_image_name(const struct bit_index *index, uint64_t image, char *buffer, size_t size)
{
    const struct bit_index_header *block = index->block;
    uint32_t number = ((const uint32_t *)bit_index_section(block, IMAGE_FOLDER))[image];
    const char *folder = bit_index_text(block, FOLDER_START, number), *name = bit_index_text(block, IMAGE_START, image);
    int used = snprintf(buffer, size, "%s%s%s", folder, *folder ? "/" : "", name);
    return used < 0 || (size_t)used >= size ? -1 : 0;
}

int bit_index_image_path(const struct bit_index *index, uint64_t image, char *buffer, size_t size,
                         struct bit_error *error)
{
    const char *root = strcmp(index->source, "/") ? index->source : "";
    size_t used = (size_t)snprintf(buffer, size, "%s/", root);
    if (used >= size || bit_index_image_name(index, image, buffer + used, size - used))
        return bit_fail(error, BIT_EDATA, "path too long: %s/...%s", root,
                        bit_index_text(index->block, IMAGE_START, image));
    return 0;
}

bool bit_index_in_reach(const struct bit_index *index, uint64_t image)
{
    const struct bit_index_header *block = index->block;
    uint32_t number = ((const uint32_t *)bit_index_section(block, IMAGE_FOLDER))[image];
    const char *folder = bit_index_text(block, FOLDER_START, number);
    char path[PATH_MAX];
    struct stat status;
    return stat(bit_index_section(block, SOURCE), &status) == 0 &&
           bit_path_join(path, sizeof path, index->source, folder, NULL) == 0 && stat(path, &status) == 0;
}

int bit_index_labels(const struct bit_index *index, uint64_t image, const int32_t **labels)
{
    const struct bit_index_header *block = index->block;
    const int32_t *all = bit_index_section(block, LABELS);
    if (!block->sections[LABEL_START].bytes) {
        *labels = all + image;
        return 1;
    }
    const uint64_t *starts = bit_index_section(block, LABEL_START);
    *labels = all + starts[image];
    return (int)(starts[image + 1] - starts[image]);
}
