/* Walks a folder of class folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "index.h"

enum { DEEPEST = 32 };

struct walk {
    struct bit_index_builder *builder;
    const char *root;
    struct { dev_t device; ino_t inode; } above[DEEPEST]; /* folders on the way down, against loops of links */
    int depth;
    double told;
    uint64_t strays;
};

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg") || !strcmp(dot, ".JPG") || !strcmp(dot, ".JPEG"));
}

static void tell(struct walk *w)
{
    double now = bit_clock_seconds();
    if (now - w->told < 5)
        return;
    w->told = now;
    bit_log(BIT_LOG_INFO, "scanning %s: %llu images so far", w->root, (unsigned long long)w->builder->images);
}

static int compare_names(const void *a, const void *b, void *texts)
{
    return strcmp((const char *)texts + *(const uint64_t *)a, (const char *)texts + *(const uint64_t *)b);
}

/* One folder's entries: images go to the builder with this label (none: they are strays), sub-folders' names to `starts`
 * and `texts`. `path`: relative to the root. */
static int read_entries(struct walk *w, DIR *folder, uint32_t number, int32_t label, struct bit_pool *starts,
                        struct bit_pool *texts, struct bit_error *error)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder))) {
        struct stat status = {0};
        bool image = is_image(entry->d_name), known = entry->d_type == DT_REG || entry->d_type == DT_DIR;
        if (entry->d_name[0] == '.' || (entry->d_type == DT_REG && !image))
            continue;
        /* Sizes of images, and what links and unknown entries are. An image that cannot be looked at stays an image:
         * it will be replaced and listed when it is to be read. */
        if (entry->d_type != DT_DIR && fstatat(dirfd(folder), entry->d_name, &status, 0))
            status.st_mode = S_IFREG;
        if (known ? entry->d_type == DT_DIR : S_ISDIR(status.st_mode)) {
            uint64_t start = texts->size;
            if (bit_pool_add(starts, &start, sizeof start, error) ||
                bit_pool_add(texts, entry->d_name, strlen(entry->d_name) + 1, error))
                return -1;
        } else if (image && label < 0) {
            w->strays++;
        } else if (image && bit_index_add_image(w->builder, number, entry->d_name, (uint64_t)status.st_size, &label, 1,
                                                error)) {
            return -1;
        }
        tell(w);
    }
    return errno ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read the folder %s", w->root) : 0;
}

static int walk_folder(struct walk *w, const char *path, int32_t label, struct bit_error *error);

/* Descends into the sub-folders, in order. In the root each one is a class. */
static int walk_below(struct walk *w, const char *path, int32_t label, struct bit_pool *starts, struct bit_pool *texts,
                      struct bit_error *error)
{
    size_t count = starts->size / sizeof(uint64_t);
    if (count)
        qsort_r(starts->data, count, sizeof(uint64_t), compare_names, texts->data);
    for (size_t i = 0; i < count; i++) {
        const char *name = texts->data + ((uint64_t *)starts->data)[i];
        char below[PATH_MAX];
        uint64_t before = w->builder->images;
        int64_t class = label;
        if (bit_path_join(below, sizeof below, path, name, error))
            return -1;
        if (label < 0 && !bit_index_name_ok(name, strlen(name)))
            return bit_fail(error, BIT_EDATA, "%s/%s: a class name must be UTF-8 without control characters", w->root, name);
        if (label < 0 && (class = bit_index_add_class(w->builder, name, error)) < 0)
            return -1;
        if (walk_folder(w, below, (int32_t)class, error))
            return -1;
        if (label < 0 && w->builder->images == before)
            bit_log(BIT_LOG_WARNING, "%s/%s holds no JPEG files: a class without images", w->root, name);
    }
    return 0;
}

static int walk_folder(struct walk *w, const char *path, int32_t label, struct bit_error *error)
{
    char full[PATH_MAX];
    struct stat status;
    struct bit_pool starts = {0}, texts = {0};
    int result = -1;
    bit_phase_tick();
    if (bit_path_join(full, sizeof full, w->root, path, error))
        return -1;
    DIR *folder = opendir(full);
    if (!folder)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open the folder %s", full);
    if (fstat(dirfd(folder), &status)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat the folder %s", full);
        goto out;
    }
    for (int i = 0; i < w->depth; i++)
        if (w->above[i].device == status.st_dev && w->above[i].inode == status.st_ino) {
            bit_log(BIT_LOG_WARNING, "%s leads back to a folder above it: skipped", full);
            result = 0;
            goto out;
        }
    if (w->depth == DEEPEST) {
        bit_fail(error, BIT_EDATA, "%s: folders are nested more than %d deep", full, DEEPEST);
        goto out;
    }
    int64_t number = bit_index_add_folder(w->builder, path, status.st_mtim, error);
    if (number < 0 || read_entries(w, folder, (uint32_t)number, label, &starts, &texts, error))
        goto out;
    closedir(folder); /* before going down: depth must not cost descriptors */
    folder = NULL;
    w->above[w->depth].device = status.st_dev;
    w->above[w->depth++].inode = status.st_ino;
    result = walk_below(w, path, label, &starts, &texts, error);
    w->depth--;
out:
    if (folder)
        closedir(folder);
    bit_pool_free(&starts);
    bit_pool_free(&texts);
    return result;
}

/* Bytewise order of folder + "/" + name without putting them together. */
static int compare_paths(const void *a, const void *b, void *context)
{
    const struct bit_index_builder *builder = context;
    const struct bit_index_entry *entries[2] = {a, b};
    const uint64_t *starts = (const void *)builder->folder_starts.data;
    const char *parts[2][2], *at[2];
    int part[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        parts[i][0] = builder->folder_text.data + starts[entries[i]->folder];
        parts[i][1] = builder->names.data + entries[i]->name;
        at[i] = parts[i][0];
    }
    for (;;) {
        int c[2];
        for (int i = 0; i < 2; i++) {
            c[i] = (unsigned char)*at[i];
            if (c[i]) {
                at[i]++;
            } else if (part[i] == 0) {
                c[i] = '/';
                part[i] = 1;
                at[i] = parts[i][1];
            }
        }
        if (c[0] != c[1])
            return c[0] - c[1];
        if (!c[0])
            return 0;
    }
}

/* Folders were walked class by class, so only each class's images are to be sorted. All labels of a class are equal, and
 * sizes travel with the entries. */
static void sort_classes(struct bit_index_builder *b)
{
    struct bit_index_entry *entries = (void *)b->entries.data;
    const int32_t *labels = (const void *)b->labels.data;
    for (uint64_t from = 0, to; from < b->images; from = to) {
        for (to = from; to < b->images && labels[to] == labels[from]; to++)
            continue;
        qsort_r(entries + from, to - from, sizeof *entries, compare_paths, b);
    }
}

int bit_index_scan(struct bit_index_builder *b, const char *root, struct bit_error *error)
{
    struct walk w = {.builder = b, .root = root, .told = bit_clock_seconds()};
    b->kind = BIT_INDEX_FOLDER;
    b->source = root;
    if (walk_folder(&w, "", -1, error))
        return -1;
    if (!b->images)
        return bit_fail(error, BIT_EDATA, "%s: expected class folders holding .jpg or .jpeg files, found none%s", root,
                        w.strays ? " (images lie directly in it: put each into a folder named as its class)" : "");
    if (w.strays)
        bit_log(BIT_LOG_WARNING, "%s: %llu images lie directly in it, in no class folder: left out", root,
                (unsigned long long)w.strays);
    sort_classes(b);
    return 0;
}
