/* Saving in three parts: prepare (collective), write (local), commit (collective). FORMAT.md has the protocol. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "bit/trace.h"
#include "store/generations.h"
#include "store/newest.h"
#include "store/points.h"
#include "store/shard.h"
#include "store/store.h"

#ifndef PACKAGE_STRING
#define PACKAGE_STRING "bit"
#endif

struct bit_save {
    int rank, ranks;
    bool skip;                 /* the generation stands there already, equal in all but time */
    char temporary[ENTRY_NAME], path[PATH_MAX]; /* the folder being written: name, and with its parent */
    struct manifest manifest;  /* tables are borrowed */
    struct shard_values values;
    struct shard_entry entry;
    float *weights, *momentum, *statistics; /* our own copies, where we need them */
    struct bit_error error;    /* of write */
};

static void save_free(struct bit_save *save)
{
    if (!save)
        return;
    save->manifest.table = NULL;
    save->manifest.statistics = NULL;
    manifest_free(&save->manifest);
    bit_free(save->weights);
    bit_free(save->momentum);
    bit_free(save->statistics);
    bit_free(save);
}

static char *copy_or_empty(const char *text, struct bit_error *error)
{
    return bit_copy_text(text ? text : "", error);
}

static struct bit_save *save_create(struct bit_store *store, const struct bit_checkpoint *c,
                                    const struct bit_arrays *a, struct bit_error *error)
{
    struct bit_save *s = bit_allocate(1, sizeof *s, "a checkpoint", error);
    if (!s)
        return NULL;
    size_t ranks = (size_t)store->group->size;
    struct manifest *m = &s->manifest;
    s->rank = store->group->rank;
    s->ranks = store->group->size;
    m->checkpoint = (struct bit_checkpoint){.step = c->step, .samples = c->samples, .epoch = c->epoch};
    m->has_momentum = a->momentum != NULL;
    m->table = (struct bit_table *)a->table;
    m->statistics = (struct bit_table *)(a->statistics ? a->statistics_table : NULL);
    m->shards = ranks;
    if (!(m->checkpoint.job = copy_or_empty(c->job, error)) || !(m->checkpoint.model = copy_or_empty(c->model, error)) ||
        !(m->checkpoint.classes = copy_or_empty(c->classes, error)) ||
        !(m->checkpoint.data_fingerprint = copy_or_empty(c->data_fingerprint, error)) ||
        (c->extra && !(m->checkpoint.extra = bit_copy_text(c->extra, error))) ||
        !(m->shard = bit_allocate(ranks, sizeof *m->shard, "the list of shards", error))) {
        save_free(s);
        return NULL;
    }
    s->values = (struct shard_values){.rank = (size_t)s->rank, .ranks = ranks, .step = c->step};
    shard_range(a->table->elements, (size_t)s->rank, ranks, &s->values.first, &s->values.count);
    return s;
}

/* What must be the same on all ranks before their parts can be put together. */
struct common { struct bit_hash weights, statistics; uint64_t elements, step; int momentum, has_statistics; };

static int check_common(struct bit_group *group, const struct common *mine, struct bit_error *error)
{
    struct common *all = bit_allocate((size_t)group->size, sizeof *all, "replica hashes", error);
    if (bit_group_agree(group, error)) {
        bit_free(all);
        return -1;
    }
    int result = bit_group_gather(group, mine, sizeof *mine, all, error);
    int most = 0, best = 0; /* the value that most ranks hold */
    for (int i = 0; !result && i < group->size; i++) {
        int same = 0;
        for (int j = 0; j < group->size; j++)
            same += !memcmp(&all[i], &all[j], sizeof *all);
        if (same > most)
            most = same, best = i;
    }
    if (!result && most < group->size) {
        char names[256] = "";
        for (int i = 0, used = 0; i < group->size; i++)
            if (memcmp(&all[i], &all[best], sizeof *all) && used < (int)sizeof names - 16)
                used += snprintf(names + used, sizeof names - (size_t)used, "%s%d", used ? ", " : "", i);
        if (2 * most <= group->size)
            snprintf(names, sizeof names, "nobody, there is no majority");
        result = bit_fail(error, BIT_EINTERNAL, "checkpoint of step %llu refused: the ranks hold different weights or stand at "
                          "different steps; in the minority: %s%s", (unsigned long long)mine->step,
                          2 * most <= group->size ? "" : "rank ", names);
    }
    bit_free(all);
    return result;
}

/* Momentum comes into block order; for one rank it is in order already. */
static int prepare_momentum(struct bit_group *group, struct bit_save *s, const struct bit_arrays *a,
                            struct bit_error *error)
{
    struct bit_hash *hash = &s->manifest.checkpoint.momentum_hash;
    if (group->size == 1) {
        if (!share_is_whole(a))
            return bit_fail(error, BIT_EINTERNAL, "a single rank must own all of the momentum");
        s->values.momentum = a->momentum;
        *hash = bit_table_hash(a->table, a->momentum);
        return 0;
    }
    if (!a->share)
        bit_fail(error, BIT_EINTERNAL, "momentum without a share");
    else
        s->momentum = bit_allocate(s->values.count + 1, sizeof *s->momentum, "the momentum's part to be written", error);
    if (bit_group_agree(group, error))
        return -1;
    s->values.momentum = s->momentum;
    return momentum_collect(group, a->table, a->share, a->momentum, s->values.first, s->values.count, s->momentum, hash,
                            error);
}

static int copy_block(const float **values, float **own, uint64_t count, struct bit_error *error)
{
    enum { PART = 1 << 20 };
    if (!*values || *values == *own)
        return 0;
    if (!(*own = bit_allocate(count + 1, sizeof **own, "a copy of the state to be written", error)))
        return -1;
#pragma omp parallel for schedule(static) if (count > 4 * PART)
    for (uint64_t at = 0; at < count; at += PART)
        memcpy(*own + at, *values + at, (count - at < PART ? count - at : PART) * sizeof **own);
    *values = *own;
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_state(const struct manifest *a, const struct manifest *b)
{
    const struct bit_checkpoint *x = &a->checkpoint, *y = &b->checkpoint;
    return x->step == y->step && x->samples == y->samples && x->epoch == y->epoch && same_text(x->job, y->job) &&
           same_text(x->model, y->model) && same_text(x->classes, y->classes) &&
           same_text(x->data_fingerprint, y->data_fingerprint) && same_text(x->extra, y->extra) &&
           bit_hash_equal(x->weights_hash, y->weights_hash) && a->has_momentum == b->has_momentum &&
           bit_hash_equal(x->momentum_hash, y->momentum_hash) && !a->statistics == !b->statistics &&
           bit_hash_equal(x->statistics_hash, y->statistics_hash) &&
           bit_hash_equal(table_digest(a->table, a->statistics), table_digest(b->table, b->statistics));
}

/* Rank 0: does this very generation stand there already? Damaged ones count as not there. */
static bool stands(const struct bit_store *store, const struct bit_save *s, const char *name)
{
    struct manifest old;
    struct bit_error ignored = {0};
    char path[PATH_MAX];
    if (bit_path_join(path, sizeof path, store->folder, name, &ignored) || !bit_file_exists(path) ||
        generation_read(path, &old, NULL, &(size_t){0}, &ignored))
        return false;
    bool same = same_state(&old, &s->manifest);
    manifest_free(&old);
    return same;
}

/* Rank 0 names the folder; every rank makes it, so that none waits for a slow file system to show it. */
static int prepare_folder(struct bit_store *store, struct bit_save *s, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct { char skip, name[ENTRY_NAME]; } told = {0};
    if (group->rank == 0) {
        char name[64];
        generation_name(s->values.step, name, sizeof name);
        told.skip = stands(store, s, name);
        private_name(".tmp-", name, told.name, sizeof told.name);
    }
    if (bit_group_broadcast(group, &told, sizeof told, 0, error))
        return -1;
    s->skip = told.skip;
    memcpy(s->temporary, told.name, sizeof s->temporary);
    if (!s->skip && !bit_path_join(s->path, sizeof s->path, store->folder, s->temporary, error) &&
        mkdir(s->path, 0777) && errno != EEXIST)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create the folder %s", s->path);
    store_point(STORE_POINT_folder_made, group->rank);
    return bit_group_agree(group, error);
}

static int prepare(struct bit_store *store, struct bit_save *s, struct bit_checkpoint *c, const struct bit_arrays *a,
                   bool copy, struct bit_error *error)
{
    struct bit_checkpoint *own = &s->manifest.checkpoint;
    struct common mine;
    memset(&mine, 0, sizeof mine); /* compared byte by byte: no stray padding */
    mine.elements = a->table->elements;
    mine.step = c->step;
    mine.momentum = a->momentum != NULL;
    mine.has_statistics = s->manifest.statistics != NULL;
    own->weights_hash = mine.weights = bit_table_hash(a->table, a->weights);
    if (mine.has_statistics)
        own->statistics_hash = mine.statistics = bit_table_hash(a->statistics_table, a->statistics);
    if (check_common(store->group, &mine, error) ||
        (a->momentum && prepare_momentum(store->group, s, a, error)))
        return -1;
    s->values.weights = a->weights + s->values.first;
    if (s->rank == 0 && mine.has_statistics) {
        s->values.statistics = a->statistics;
        s->values.statistics_count = a->statistics_table->elements;
    }
    if (copy && !copy_block(&s->values.weights, &s->weights, s->values.count, error) &&
        !copy_block(&s->values.momentum, &s->momentum, s->values.count, error))
        copy_block(&s->values.statistics, &s->statistics, s->values.statistics_count, error);
    store_point(STORE_POINT_prepared, s->rank);
    if (bit_group_agree(store->group, error))
        return -1;
    c->weights_hash = own->weights_hash;
    c->momentum_hash = own->momentum_hash;
    c->statistics_hash = own->statistics_hash;
    return prepare_folder(store, s, error);
}

/* Rank 0; never fatal: what stays behind is cleaned up by the next writer that opens the store. */
static void withdraw(const struct bit_store *store, const struct bit_save *s)
{
    struct bit_error error = {0};
    if (store->group->rank == 0 && s->path[0] && bit_folder_remove(s->path, &error))
        bit_log(BIT_LOG_WARNING, "%s", error.text);
}

struct bit_save *bit_store_prepare(struct bit_store *store, struct bit_checkpoint *checkpoint,
                                   const struct bit_arrays *arrays, bool copy, struct bit_error *error)
{
    struct bit_save *s = NULL;
    double traced = bit_trace_start();
    bit_phase_enter(BIT_PHASE_SNAPSHOT);
    if (!store->writer)
        bit_fail(error, BIT_EINTERNAL, "%s was opened for reading: nothing can be saved there", store->folder);
    else
        s = save_create(store, checkpoint, arrays, error);
    int result = bit_group_agree(store->group, error);
    if (!result) {
        result = prepare(store, s, checkpoint, arrays, copy, error);
        if (result)
            withdraw(store, s);
    }
    if (result) {
        save_free(s);
        return NULL;
    }
    bit_trace_end("snapshot", -1, traced);
    return s;
}

int bit_store_write(struct bit_save *s)
{
    if (s->skip)
        return 0;
    struct shard_file file;
    double traced = bit_trace_start();
    enum bit_phase before = bit_phase_enter(BIT_PHASE_WRITE);
    int result = shard_fill(&file, s->path, &s->values, &s->entry, &s->error);
    if (!result && s->rank == 0) /* while the disk is busy with the values */
        result = master_write(s->path, &s->manifest, &s->manifest.master, &s->error);
    result = shard_seal(&file, &s->entry, result, &s->error);
    if (!result)
        store_point(STORE_POINT_shard_synced, s->rank);
    bit_trace_end("write", -1, traced);
    bit_phase_enter(before); /* another thread's may be writing, while the main one is elsewhere */
    return result;
}

/* The former generation of this step, if any, steps aside for the moment between two renames. */
static int replace(const struct bit_store *store, const char *name, char *replaced, size_t size,
                   struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], as[ENTRY_NAME];
    if (bit_path_join(from, sizeof from, store->folder, name, error))
        return -1;
    if (!bit_file_exists(from))
        return 0;
    private_name(".replaced-", name, as, sizeof as);
    if (bit_path_join(to, sizeof to, store->folder, as, error))
        return -1;
    if (rename(from, to))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
    snprintf(replaced, size, "%s", to);
    store_point(STORE_POINT_replacing, 0);
    return 0;
}

static int write_manifest(struct bit_save *s, struct bit_error *error)
{
    struct bit_text text = {0};
    char path[PATH_MAX];
    snprintf(s->manifest.producer, sizeof s->manifest.producer, "%s", PACKAGE_STRING);
    bit_clock_stamp(s->manifest.stamp, sizeof s->manifest.stamp);
    int result = manifest_write(&s->manifest, &text, error);
    if (!result)
        result = bit_path_join(path, sizeof path, s->path, MANIFEST_NAME, error);
    if (!result)
        result = bit_file_write(path, text.data, text.size, error);
    bit_text_free(&text);
    return result;
}

/* Rank 0: from here on the order of every line matters. */
static int commit(const struct bit_store *store, struct bit_save *s, struct bit_error *error)
{
    char name[64], path[PATH_MAX], replaced[PATH_MAX] = "";
    generation_name(s->values.step, name, sizeof name);
    if (write_manifest(s, error) || bit_path_join(path, sizeof path, store->folder, name, error))
        return -1;
    store_point(STORE_POINT_manifest_written, 0);
    if (generation_check(s->path, &s->manifest, error))
        return -1;
    if (replace(store, name, replaced, sizeof replaced, error))
        return -1;
    if (rename(s->path, path)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", s->path, path);
        if (replaced[0] && rename(replaced, path))
            bit_log(BIT_LOG_WARNING, "%s: left as %s", path, replaced);
        return -1;
    }
    store_point(STORE_POINT_renamed, 0);
    if (bit_file_sync(store->folder, error))
        return -1;
    newest_write(store->folder, s->values.step);
    store_point(STORE_POINT_parent_synced, 0);
    struct bit_error left = {0};
    if (replaced[0] && bit_folder_remove(replaced, &left))
        bit_log(BIT_LOG_WARNING, "%s", left.text);
    return 0;
}

/* Rank 0. Trouble here costs disk space, not work: a warning. */
static void retain(const struct bit_store *store)
{
    struct entry *list;
    size_t count;
    struct bit_error error = {0};
    int whole = 0;
    if (store->keep <= 0)
        return;
    if (generations_scan(store->folder, &list, &count, &error)) {
        bit_log(BIT_LOG_WARNING, "%s", error.text);
        return;
    }
    for (size_t i = count; i-- > 0;) {
        struct manifest m;
        char path[PATH_MAX];
        bit_error_clear(&error);
        if (list[i].kind != ENTRY_GENERATION)
            continue;
        if (whole >= store->keep) {
            if (retire(store->folder, list[i].name, &error))
                bit_log(BIT_LOG_WARNING, "%s", error.text);
        } else if (!bit_path_join(path, sizeof path, store->folder, list[i].name, &error) &&
                   !generation_read(path, &m, NULL, &(size_t){0}, &error)) {
            whole++;
            manifest_free(&m);
        }
    }
    bit_free(list);
}

int bit_store_commit(struct bit_store *store, struct bit_save *s, struct bit_error *error)
{
    struct bit_group *group = store->group;
    double traced = bit_trace_start();
    bit_phase_enter(BIT_PHASE_COMMIT);
    if (s->error.code)
        *error = s->error;
    int result = bit_group_agree(group, error);
    if (!result && !s->skip) {
        store_point(STORE_POINT_agreed, s->rank);
        result = bit_group_gather(group, &s->entry, sizeof s->entry, s->manifest.shard, error);
        if (!result && group->rank == 0)
            commit(store, s, error);
        result = result ? result : bit_group_agree(group, error);
    }
    if (result)
        withdraw(store, s);
    else if (group->rank == 0)
        retain(store);
    store_point(STORE_POINT_done, s->rank);
    save_free(s);
    bit_trace_end("commit", -1, traced);
    return result;
}

void bit_store_forget(struct bit_save *save)
{
    save_free(save);
}

int bit_store_save(struct bit_store *store, struct bit_checkpoint *checkpoint, const struct bit_arrays *arrays,
                   struct bit_error *error)
{
    struct bit_save *save = bit_store_prepare(store, checkpoint, arrays, false, error);
    if (!save)
        return -1;
    bit_store_write(save);
    return bit_store_commit(store, save, error);
}
