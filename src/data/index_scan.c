/* Walks a folder of class folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "index.h"
#include "kind.h"

enum { DEEPEST = 32 };

struct walk {
    struct bit_index_builder *builder;
    const char *root;
    struct { dev_t device; ino_t inode; } above[DEEPEST]; /* folders on the way down, against loops of links */
    int depth;
    double told;
};

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

/* What is no image and no folder is counted, so that nobody misses it unknowingly. */
static void leave_out(struct walk *w, const char *path, const char *name, mode_t mode)
{
    struct bit_leftout *l = &w->builder->left;
    bool archive;
    const char *kind = bit_kind_of_name(name, &archive);
    enum bit_left left = *name == '.'                 ? LEFT_HIDDEN
                         : mode == S_IFLNK            ? LEFT_BROKEN
                         : mode && mode != S_IFREG    ? LEFT_SPECIAL
                         : bit_kind_is_picture(name)  ? LEFT_STRAYS
                         : !kind                      ? LEFT_OTHER
                         : archive                    ? LEFT_ARCHIVES
                                                      : LEFT_PICTURES;
    bit_leftout_add(&l->left[left], path, name, left == LEFT_ARCHIVES || left == LEFT_PICTURES ? kind : "");
}

/* What an entry is, as S_IFMT: links count as what they lead to; one that leads nowhere is a link (a file, where its name says image:
 * it will be replaced and listed when it is to be read). *status is filled for images only. */
static mode_t entry_mode(struct walk *w, DIR *folder, const struct dirent *entry, const char *path, struct stat *status)
{
    struct bit_leftout *l = &w->builder->left;
    bool image = bit_kind_is_picture(entry->d_name);
    if (entry->d_type == DT_DIR)
        return S_IFDIR;
    if (entry->d_type == DT_REG && !image)
        return S_IFREG;
    if (fstatat(dirfd(folder), entry->d_name, status, 0)) {
        if (image)
            bit_leftout_add(&l->odd[ODD_GONE], path, entry->d_name, strerror(errno));
        status->st_size = 0;
        return image ? S_IFREG : S_IFLNK;
    }
    if (image && S_ISREG(status->st_mode) && !status->st_size)
        bit_leftout_add(&l->odd[ODD_EMPTY], path, entry->d_name, "");
    return status->st_mode & S_IFMT;
}

static int add_name(struct bit_bytes *starts, struct bit_bytes *texts, const char *name, struct bit_error *error)
{
    uint64_t start = texts->size;
    return bit_bytes_add(starts, &start, sizeof start, error) || bit_bytes_add(texts, name, strlen(name) + 1, error) ? -1 : 0;
}

/* One folder's entries: images go to the builder with this label (none: they are strays), sub-folders' names to `starts`
 * and `texts`. `path`: relative to the root. */
static int read_entries(struct walk *w, DIR *folder, const char *path, uint32_t number, int32_t label, struct bit_bytes *starts,
                        struct bit_bytes *texts, struct bit_error *error)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder))) {
        struct stat status = {0};
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, ".."))
            continue;
        mode_t mode = entry_mode(w, folder, entry, path, &status);
        if (mode == S_IFDIR && bit_kind_is_service(name))
            bit_leftout_add(&w->builder->left.left[LEFT_SERVICE], path, name, "");
        else if (mode == S_IFDIR && add_name(starts, texts, name, error))
            return -1;
        else if (mode != S_IFDIR && (mode != S_IFREG || !bit_kind_is_picture(name) || label < 0))
            leave_out(w, path, name, mode);
        else if (mode == S_IFREG && bit_index_add_image(w->builder, number, name, (uint64_t)status.st_size, &label, 1, error))
            return -1;
        tell(w);
    }
    return errno ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read the folder %s/%s", w->root, path) : 0;
}

static int walk_folder(struct walk *w, const char *path, int32_t label, struct bit_error *error);

/* Descends into the sub-folders, in order. In the root each one is a class. */
static int walk_below(struct walk *w, const char *path, int32_t label, struct bit_bytes *starts, struct bit_bytes *texts,
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
        if (label < 0 && !bit_index_name_ok(name, strlen(name))) {
            char shown[4 * NAME_MAX + 1];
            bit_text_escape(shown, sizeof shown, name, "");
            return bit_fail(error, BIT_EDATA, "%s/%s: a class name must be UTF-8 without control characters", w->root, shown);
        }
        if (label < 0 && (class = bit_index_add_class(w->builder, name, error)) < 0)
            return -1;
        if (walk_folder(w, below, (int32_t)class, error))
            return -1;
        if (label < 0 && w->builder->images == before)
            bit_leftout_add(&w->builder->left.barren, "", name, "");
    }
    return 0;
}

static int walk_folder(struct walk *w, const char *path, int32_t label, struct bit_error *error)
{
    char full[PATH_MAX];
    struct stat status;
    struct bit_bytes starts = {0}, texts = {0};
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
            bit_leftout_add(&w->builder->left.left[LEFT_CIRCLES], "", path, "");
            result = 0;
            goto out;
        }
    if (w->depth == DEEPEST) {
        bit_fail(error, BIT_EDATA, "%s: folders are nested more than %d deep", full, DEEPEST);
        goto out;
    }
    int64_t number = bit_index_add_folder(w->builder, path, status.st_mtim, error);
    if (number < 0 || read_entries(w, folder, path, (uint32_t)number, label, &starts, &texts, error))
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
    bit_bytes_free(&starts);
    bit_bytes_free(&texts);
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

static int fail_empty(const struct bit_index_builder *b, const char *root, struct bit_error *error)
{
    struct bit_leftout left = b->left;
    struct bit_text notes = {0};
    memset(&left.barren, 0, sizeof left.barren);
    bit_leftout_tell(&left, &notes);
    bit_fail(error, BIT_EDATA, "%s: expected class folders holding .jpg, .jpeg, .jpe, .jfif or .png files, found none%s%s%.*s", root,
             left.left[LEFT_STRAYS].count ? " (images lie directly in it: put each into a folder named as its class)" : "",
             notes.size ? "; " : "", notes.size ? (int)notes.size - 2 : 0, notes.size ? notes.data + 1 : "");
    bit_text_free(&notes);
    return -1;
}

int bit_index_scan(struct bit_index_builder *b, const char *root, struct bit_error *error)
{
    struct walk w = {.builder = b, .root = root, .told = bit_clock_seconds()};
    b->kind = BIT_INDEX_FOLDER;
    b->source = root;
    if (walk_folder(&w, "", -1, error))
        return -1;
    if (!b->images)
        return fail_empty(b, root, error);
    bit_leftout_tell(&b->left, &b->notes);
    if (bit_index_name_notes(b, error))
        return -1;
    sort_classes(b);
    return 0;
}
