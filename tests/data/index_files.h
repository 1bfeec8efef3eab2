/* What tests of the index share: files in a scratch folder, and a tree of them. */
#ifndef BIT_TESTS_DATA_INDEX_FILES_H
#define BIT_TESTS_DATA_INDEX_FILES_H

#include "tests/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "data/index.h"

static char root[64], cache[80];

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    if (snprintf(path, PATH_MAX, "%s/%s", root, name) >= PATH_MAX)
        exit(2);
    return path;
}

static inline void put(const char *name, const char *text)
{
    struct bit_error error = {0};
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", at(name));
    *strrchr(folder, '/') = 0;
    bit_folder_create(folder, &error);
    FILE *file = fopen(at(name), "w");
    fputs(text, file);
    fclose(file);
}

/* Folders that were changed just now are never trusted: make them older. */
static inline void age(const char *name, int seconds)
{
    struct timespec times[2] = {{1700000000 - seconds, 5}, {1700000000 - seconds, 5}};
    utimensat(AT_FDCWD, at(name), times, 0);
}

static inline void begin(void)
{
    strcpy(root, "/tmp/bit-index-XXXXXX");
    if (!mkdtemp(root))
        exit(2);
    snprintf(cache, sizeof cache, "%s-cache", root);
}

static inline void end(void)
{
    bit_folder_remove(root, NULL);
    bit_folder_remove(cache, NULL);
}

static inline struct bit_index *open_at(const char *name, const struct bit_index *classes, struct bit_error *error)
{
    bit_error_clear(error);
    return bit_index_open(at(name), cache, classes, bit_group_self(), error);
}

static inline void make_tree(void)
{
    put("train/b/2.jpg", "12345");
    put("train/b/1.JPEG", "1");
    put("train/b/x/9.jpg", "");
    put("train/b/x-1.jpg", "");
    put("train/b/notes.txt", "");
    put("train/b/.hidden.jpg", "");
    put("train/B/u.JPG", "");
    put("train/a b/ä.jpeg", "");
    put("train/.git/z.jpg", "");
    put("train/empty/readme", "");
    put("train/stray.jpg", "");
}

static const char *const tree[] = {"B/u.JPG", "a b/ä.jpeg", "b/1.JPEG", "b/2.jpg", "b/x-1.jpg", "b/x/9.jpg"};

static inline void check_tree(const struct bit_index *index)
{
    static const int label[] = {0, 1, 2, 2, 2, 2};
    static const char *const names[] = {"B", "a b", "b", "empty"};
    CHECK(bit_index_images(index) == 6 && bit_index_classes(index) == 4 && bit_index_bytes(index) == 6);
    CHECK(bit_index_labels_most(index) == 1);
    for (int i = 0; i < bit_index_classes(index) && i < 4; i++)
        CHECK(!strcmp(bit_index_class_name(index, i), names[i]));
    for (uint64_t i = 0; i < bit_index_images(index) && i < 6; i++) {
        char path[PATH_MAX], want[PATH_MAX];
        const int32_t *labels;
        snprintf(want, sizeof want, "%s/train/%s", root, tree[i]);
        CHECK(!bit_index_image_path(index, i, path, sizeof path, NULL) && !strcmp(path, want));
        CHECK(bit_index_labels(index, i, &labels) == 1 && *labels == label[i]);
        CHECK(bit_index_image_path(index, i, path, 10, NULL) == -1);
    }
}

#endif
