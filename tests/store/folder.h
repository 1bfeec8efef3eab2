/* A scratch folder, and one process that saves and loads the known state in it. */
#ifndef BIT_TESTS_STORE_GENERATIONS_H
#define BIT_TESTS_STORE_GENERATIONS_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "bit/file.h"
#include "tests/store/state.h"

struct scene {
    char folder[64];
    struct bit_table *table, *statistics;
    struct bit_arrays arrays;
};

static inline void scene_create(struct scene *s, int large)
{
    strcpy(s->folder, "/tmp/bit-store-XXXXXX");
    const char *where = getenv("TMPDIR");
    if (where && strlen(where) < 30)
        snprintf(s->folder, sizeof s->folder, "%s/bit-store-XXXXXX", where);
    if (!mkdtemp(s->folder))
        abort();
    s->table = state_table(large);
    s->statistics = state_statistics();
    s->arrays = (struct bit_arrays){.table = s->table, .statistics_table = s->statistics,
        .weights = bit_allocate(s->table->elements, 4, "weights", NULL),
        .momentum = bit_allocate(s->table->elements, 4, "momentum", NULL),
        .statistics = bit_allocate(s->statistics->elements, 4, "statistics", NULL)};
}

static inline void scene_destroy(struct scene *s)
{
    bit_folder_remove(s->folder, NULL);
    bit_free(s->arrays.weights);
    bit_free(s->arrays.momentum);
    bit_free(s->arrays.statistics);
    bit_table_destroy(s->table);
    bit_table_destroy(s->statistics);
}

static inline int scene_save_as(struct scene *s, uint64_t step, int keep, const char *extra, struct bit_error *error)
{
    struct bit_store *store = bit_store_open(s->folder, true, keep, bit_group_self(), error);
    if (!store)
        return -1;
    memset(s->arrays.weights, 0, s->table->elements * 4); /* the padding too */
    memset(s->arrays.momentum, 0, s->table->elements * 4);
    memset(s->arrays.statistics, 0, s->statistics->elements * 4);
    state_fill(s->table, STATE_WEIGHTS, step, s->arrays.weights);
    state_fill(s->table, STATE_MOMENTUM, step, s->arrays.momentum);
    state_fill(s->statistics, STATE_STATISTICS, step, s->arrays.statistics);
    struct bit_checkpoint c = state_checkpoint(step);
    if (extra)
        c.extra = (char *)extra;
    int result = bit_store_save(store, &c, &s->arrays, error);
    bit_store_close(store);
    return result;
}

static inline int scene_save(struct scene *s, uint64_t step, int keep, struct bit_error *error)
{
    return scene_save_as(s, step, keep, NULL, error);
}

/* The step loaded, with every value right; 0: there is nothing; -1: failed; -2: values are wrong. */
static inline long scene_load_as(struct scene *s, bool writer, uint64_t limit, char *extra, struct bit_error *error)
{
    struct bit_checkpoint c = {0};
    struct bit_store *store = bit_store_open(s->folder, writer, 0, bit_group_self(), error);
    if (!store)
        return -1;
    memset(s->arrays.weights, 1, s->table->elements * 4);
    memset(s->arrays.momentum, 1, s->table->elements * 4);
    memset(s->arrays.statistics, 1, s->statistics->elements * 4);
    long result = bit_store_load(store, state_checkpoint(0).model, limit, &c, &s->arrays, error);
    if (result == 1) {
        result = (long)c.step;
        if (extra)
            strcpy(extra, c.extra);
        if (state_wrong(s->table, STATE_WEIGHTS, c.step, s->arrays.weights) ||
            state_wrong(s->table, STATE_MOMENTUM, c.step, s->arrays.momentum) ||
            state_wrong(s->statistics, STATE_STATISTICS, c.step, s->arrays.statistics) ||
            c.samples != c.step * 64 || strcmp(c.classes, state_checkpoint(0).classes))
            result = -2;
    }
    bit_checkpoint_free(&c);
    bit_store_close(store);
    return result;
}

static inline long scene_load(struct scene *s, struct bit_error *error)
{
    return scene_load_as(s, true, UINT64_MAX, NULL, error);
}

/* Whether folder/name exists. */
static inline bool scene_has(const struct scene *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return bit_file_exists(path);
}

/* Entries of the folder whose names start with `prefix`. */
static inline int scene_count(const struct scene *s, const char *prefix)
{
    int count = 0;
    DIR *d = opendir(s->folder);
    for (struct dirent *e; d && (e = readdir(d));)
        count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !strncmp(e->d_name, prefix, strlen(prefix));
    if (d)
        closedir(d);
    return count;
}

#endif
