/* Generations as one process reads them: listing, verifying, loading whole blocks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "store/generations.h"
#include "store/store.h"

struct bit_reader { char path[PATH_MAX]; uint64_t manifest_bytes; struct manifest manifest; };

struct bit_reader *bit_reader_open(const char *path, struct bit_error *error)
{
    struct bit_reader *reader = bit_allocate(1, sizeof *reader, "a checkpoint reader", error);
    size_t size;
    if (!reader)
        return NULL;
    snprintf(reader->path, sizeof reader->path, "%s", path);
    if (generation_read(path, &reader->manifest, NULL, &size, error)) {
        bit_free(reader);
        return NULL;
    }
    reader->manifest_bytes = size;
    return reader;
}

void bit_reader_close(struct bit_reader *reader)
{
    if (!reader)
        return;
    manifest_free(&reader->manifest);
    bit_free(reader);
}

const struct bit_checkpoint *bit_reader_checkpoint(const struct bit_reader *reader)
{
    return &reader->manifest.checkpoint;
}

const struct bit_table *bit_reader_table(const struct bit_reader *reader)
{
    return reader->manifest.table;
}

const struct bit_table *bit_reader_statistics_table(const struct bit_reader *reader)
{
    return reader->manifest.statistics;
}

bool bit_reader_has_momentum(const struct bit_reader *reader)
{
    return reader->manifest.has_momentum;
}

void bit_reader_describe(const struct bit_reader *reader, struct bit_generation *g)
{
    const struct manifest *m = &reader->manifest;
    const char *slash = strrchr(reader->path, '/');
    *g = (struct bit_generation){.step = m->checkpoint.step, .epoch = m->checkpoint.epoch, .shards = (int)m->shards,
                                 .bytes = reader->manifest_bytes + m->master.bytes, .whole = true};
    for (size_t i = 0; i < m->shards; i++)
        g->bytes += m->shard[i].file.bytes;
    snprintf(g->stamp, sizeof g->stamp, "%.31s", m->stamp);
    snprintf(g->name, sizeof g->name, "%.63s", slash && slash[1] ? slash + 1 : reader->path);
}

int bit_reader_load(struct bit_reader *reader, float *weights, float *momentum, float *statistics,
                    struct bit_error *error)
{
    const struct manifest *m = &reader->manifest;
    struct bit_arrays arrays = {.table = m->table, .weights = weights, .momentum = momentum,
                                .statistics_table = m->statistics, .statistics = statistics};
    if (momentum && !m->has_momentum)
        return bit_fail(error, BIT_EUSAGE, "%s holds no momentum", reader->path);
    return generation_fetch(reader->path, m, &arrays, bit_group_self(), error);
}

static int verify_deeply(struct bit_reader *reader, struct bit_error *error)
{
    const struct manifest *m = &reader->manifest;
    float *weights = bit_allocate(m->table->elements, sizeof *weights, "weights to verify", error);
    float *momentum = NULL, *statistics = NULL;
    if (weights && m->has_momentum)
        momentum = bit_allocate(m->table->elements, sizeof *momentum, "momentum to verify", error);
    if (weights && m->statistics)
        statistics = bit_allocate(m->statistics->elements, sizeof *statistics, "statistics to verify", error);
    int result = weights && (momentum || !m->has_momentum) && (statistics || !m->statistics)
        ? bit_reader_load(reader, weights, momentum, statistics, error) : -1;
    bit_free(weights);
    bit_free(momentum);
    bit_free(statistics);
    return result;
}

/* -1 only when the look itself failed (no memory); damage is part of the answer. */
static int describe(const char *path, const struct entry *e, bool deep, struct bit_generation *g,
                    struct bit_error *error)
{
    static const char *const aside[] = {[ENTRY_BAD] = "set aside as damaged", [ENTRY_SUPERSEDED] = "set aside: rolled back"};
    struct bit_error why = {0};
    struct bit_reader *reader = bit_reader_open(path, &why);
    if (reader) {
        bit_reader_describe(reader, g);
        if (e->kind == ENTRY_GENERATION && g->step != e->step)
            bit_fail(&why, BIT_EDATA, "its manifest is of step %llu", (unsigned long long)g->step);
        else if (e->kind == ENTRY_GENERATION && deep && verify_deeply(reader, &why) && why.code == BIT_EENVIRONMENT) {
            bit_reader_close(reader);
            *error = why;
            return -1;
        }
        bit_reader_close(reader);
    }
    if (e->kind != ENTRY_GENERATION)
        snprintf(why.text, sizeof why.text, "%s", aside[e->kind]);
    g->step = e->step;
    g->whole = e->kind == ENTRY_GENERATION && !why.code;
    snprintf(g->name, sizeof g->name, "%.63s", e->name);
    snprintf(g->reason, sizeof g->reason, "%.255s", why.text);
    return 0;
}

/* The folder in which generations stand; *single: `folder` itself is one, and *name is its name. */
static int resolve(const char *folder, char *where, size_t size, bool *single, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    *single = false;
    if (stat(folder, &status) || !S_ISDIR(status.st_mode))
        return bit_fail(error, BIT_ENOINPUT, "%s: no such folder", folder);
    if (bit_path_join(path, sizeof path, folder, MANIFEST_NAME, error))
        return -1;
    if (bit_file_exists(path)) {
        *single = true;
    } else {
        if (bit_path_join(path, sizeof path, folder, "checkpoints", error))
            return -1;
        if (!stat(path, &status) && S_ISDIR(status.st_mode))
            folder = path;
    }
    if (strlen(folder) >= size)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", folder);
    strcpy(where, folder);
    for (size_t end = strlen(where); end > 1 && where[end - 1] == '/'; where[--end] = 0)
        continue;
    return 0;
}

static int list_single(const char *path, bool deep, struct bit_generation **list, size_t *count,
                       struct bit_error *error)
{
    const char *slash = strrchr(path, '/');
    struct entry e = {.kind = ENTRY_GENERATION};
    struct bit_error why = {0};
    struct bit_reader *reader = bit_reader_open(path, &why);
    if (reader)
        e.step = bit_reader_checkpoint(reader)->step; /* a copy may have any name */
    bit_reader_close(reader);
    snprintf(e.name, sizeof e.name, "%.255s", slash && slash[1] ? slash + 1 : path);
    if (!(*list = bit_allocate(1, sizeof **list, "the list of generations", error)))
        return -1;
    *count = 1;
    return describe(path, &e, deep, *list, error);
}

static int list_folder(const char *where, bool deep, struct bit_generation **list, size_t *count,
                       struct bit_error *error)
{
    struct entry *entries;
    size_t found;
    if (generations_scan(where, &entries, &found, error))
        return -1;
    int result = (*list = bit_allocate(found + 1, sizeof **list, "the list of generations", error)) ? 0 : -1;
    for (size_t i = 0; i < found && !result; i++) {
        char path[PATH_MAX];
        if (entries[i].kind > ENTRY_SUPERSEDED)
            continue;
        result = bit_path_join(path, sizeof path, where, entries[i].name, error);
        if (!result)
            result = describe(path, &entries[i], deep, &(*list)[(*count)++], error);
    }
    bit_free(entries);
    return result;
}

int bit_store_list(const char *folder, bool deep, struct bit_generation **list, size_t *count, struct bit_error *error)
{
    char where[PATH_MAX];
    bool single;
    *list = NULL;
    *count = 0;
    if (resolve(folder, where, sizeof where, &single, error))
        return -1;
    int result = single ? list_single(where, deep, list, count, error) : list_folder(where, deep, list, count, error);
    if (result) {
        bit_free(*list);
        *list = NULL;
        *count = 0;
    }
    return result;
}

int bit_store_path(const char *folder, const char *name, char *path, size_t size, struct bit_error *error)
{
    char where[PATH_MAX];
    bool single;
    if (resolve(folder, where, sizeof where, &single, error))
        return -1;
    if (!single)
        return bit_path_join(path, size, where, name, error);
    snprintf(path, size, "%s", where);
    return 0;
}
