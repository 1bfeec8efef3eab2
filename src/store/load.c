/* Loading the newest whole generation. Rank 0 decides, all ranks agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "store/folder.h"
#include "store/store.h"

/* Rank 0's list, newest last; `next` counts down. */
struct search { struct entry *list; size_t count, next; int bad; };

/* What rank 0 tells the others. */
struct choice { char name[ENTRY_NAME]; uint64_t size; int found; int lost; };

static void damaged(const struct bit_store *store, const char *name, const struct bit_error *why, struct bit_error *error)
{
    if (!store->writer) {
        bit_log(BIT_LOG_WARNING, "checkpoint %s is damaged (%s): trying an older one", name, why->text);
        return;
    }
    bit_log(BIT_LOG_WARNING, "checkpoint %s is damaged (%s): set aside as %s.bad, trying an older one", name, why->text, name);
    set_aside(store->folder, name, ".bad", error);
}

/* A folder that was renamed by hand must not pass for another step. */
static int check_name(const struct manifest *m, const struct entry *e, struct bit_error *error)
{
    if (m->checkpoint.step == e->step)
        return 0;
    return bit_fail(error, BIT_EDATA, "%s: its manifest is of step %llu", e->name, (unsigned long long)m->checkpoint.step);
}

/* Rank 0: the next candidate whose manifest and sizes are right. *text is its manifest, NULL when there is none. */
static int choose(const struct bit_store *store, struct search *s, uint64_t limit, struct choice *choice, char **text,
                  struct bit_error *error)
{
    while (s->next > 0) {
        const struct entry *e = &s->list[--s->next];
        char path[PATH_MAX];
        struct manifest m;
        size_t size;
        struct bit_error why = {0};
        if (e->kind != ENTRY_GENERATION || e->step > limit)
            continue;
        if (bit_path_join(path, sizeof path, store->folder, e->name, error))
            return -1;
        int result = generation_read(path, &m, text, &size, &why);
        if (!result) {
            result = check_name(&m, e, &why);
            manifest_free(&m);
        }
        if (!result) {
            *choice = (struct choice){.size = size, .found = 1};
            memcpy(choice->name, e->name, sizeof choice->name);
            return 0;
        }
        bit_free(*text);
        *text = NULL;
        if (why.code != BIT_EDATA) {
            *error = why;
            return -1;
        }
        s->bad++;
        damaged(store, e->name, &why, error);
        if (error->code)
            return -1;
    }
    *choice = (struct choice){.lost = s->bad};
    return 0;
}

static int search_start(const struct bit_store *store, struct search *s, struct bit_error *error)
{
    struct bit_error missing = {0};
    if (!bit_file_exists(store->folder))
        return 0;
    if (folder_scan(store->folder, &s->list, &s->count, &missing))
        return bit_fail(error, BIT_EENVIRONMENT, "%s", missing.text);
    s->next = s->count;
    for (size_t i = 0; i < s->count; i++) {
        s->bad += s->list[i].kind == ENTRY_BAD;
    }
    return 0;
}

/* Rank 0's choice and its manifest reach all ranks. 1: a candidate; 0: no more; -1. */
static int receive(struct bit_store *store, struct search *s, uint64_t limit, struct choice *choice, struct manifest *m,
                   struct bit_error *error)
{
    struct bit_group *group = store->group;
    char *text = NULL;
    memset(choice, 0, sizeof *choice);
    if (group->rank == 0)
        choose(store, s, limit, choice, &text, error);
    int result = bit_group_agree(group, error);
    if (!result)
        result = bit_group_broadcast(group, choice, sizeof *choice, 0, error);
    if (!result && choice->found) {
        if (group->rank != 0)
            text = bit_allocate(choice->size + 1, 1, "a manifest", error);
        result = bit_group_agree(group, error);
        if (!result)
            result = bit_group_broadcast(group, text, choice->size, 0, error);
        if (!result) {
            if (!manifest_parse(text, choice->size, choice->name, m, error))
                result = 1;
            if (bit_group_agree(group, error)) {
                manifest_free(m);
                result = -1;
            }
        }
    }
    bit_free(text);
    return result;
}

static int check_table(const struct bit_table *ours, const struct bit_table *theirs, const char *name,
                       struct bit_error *error)
{
    if (!ours || !theirs)
        return bit_fail(error, BIT_EUSAGE, "checkpoint %s: running statistics are kept on one side only", name);
    for (size_t i = 0; i < ours->count && i < theirs->count; i++)
        if (strcmp(ours->items[i].name, theirs->items[i].name))
            return bit_fail(error, BIT_EUSAGE, "checkpoint %s has the parameter %s where the model has %s", name,
                            theirs->items[i].name, ours->items[i].name);
    if (!bit_table_equal(ours, theirs))
        return bit_fail(error, BIT_EUSAGE, "checkpoint %s: parameters have other shapes than the model's", name);
    return 0;
}

/* Refusals: an older generation would be of the same run, so there is no use in trying one. */
static int check_fit(const struct manifest *m, const char *name, const char *model, const struct bit_arrays *a,
                     struct bit_error *error)
{
    if (model && model_compare(m->checkpoint.model, model, error))
        return -1;
    if (check_table(a->table, m->table, name, error))
        return -1;
    if ((m->statistics || (a->statistics_table && a->statistics)) &&
        check_table(a->statistics ? a->statistics_table : NULL, m->statistics, name, error))
        return -1;
    if (a->momentum && !m->has_momentum)
        return bit_fail(error, BIT_EUSAGE, "checkpoint %s holds no momentum: training cannot go on from it bit for bit",
                        name);
    return 0;
}

/* A writer that goes back to an older step: what came later must not be taken for the run's state after a crash. */
static int roll_back(const struct bit_store *store, const struct search *s, uint64_t step, struct bit_error *error)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].kind != ENTRY_GENERATION || s->list[i].step <= step)
            continue;
        char path[PATH_MAX];
        if (bit_path_join(path, sizeof path, store->folder, s->list[i].name, error))
            return -1;
        if (!bit_file_exists(path))
            continue; /* set aside as damaged a moment ago */
        bit_log(BIT_LOG_INFO, "checkpoint %s is set aside: going back to step %llu", s->list[i].name,
                (unsigned long long)step);
        if (set_aside(store->folder, s->list[i].name, ".superseded", error))
            return -1;
    }
    return 0;
}

static int none_left(const struct bit_store *store, const struct choice *choice, struct bit_error *error)
{
    if (!choice->lost)
        return 0;
    return bit_fail(error, BIT_ENOGENERATION, "%s: no checkpoint is whole, %d damaged: nothing was changed but their names (.bad). "
                    "Look at them with `bit ckpt ls`, restore one from a backup, or start anew in another folder",
                    store->folder, choice->lost);
}

/* One candidate. 1: loaded; 0: damaged, try the next; -1. */
static int try_one(struct bit_store *store, const struct choice *choice, const struct manifest *m, const char *model,
                   struct bit_arrays *arrays, struct search *s, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_error why = {0};
    char path[PATH_MAX];
    if (!bit_path_join(path, sizeof path, store->folder, choice->name, error))
        check_fit(m, choice->name, model, arrays, error);
    if (bit_group_agree(group, error))
        return -1;
    struct bit_arrays wanted = *arrays;
    if (!m->statistics)
        wanted.statistics = NULL;
    if (!generation_fetch(path, m, &wanted, group, &why))
        return 1;
    if (why.code != BIT_EDATA) {
        *error = why;
        return -1;
    }
    s->bad++;
    if (group->rank == 0)
        damaged(store, choice->name, &why, error);
    return bit_group_agree(group, error) ? -1 : 0;
}

static int search(struct bit_store *store, struct search *s, const char *model, uint64_t limit,
                  struct bit_checkpoint *checkpoint, struct bit_arrays *arrays, struct bit_error *error)
{
    for (;;) {
        struct choice choice;
        struct manifest m = {0};
        int result = receive(store, s, limit, &choice, &m, error);
        if (result <= 0)
            return result ? -1 : none_left(store, &choice, error);
        result = try_one(store, &choice, &m, model, arrays, s, error);
        if (result == 1) {
            if (limit != UINT64_MAX && store->writer && store->group->rank == 0)
                roll_back(store, s, m.checkpoint.step, error);
            if (bit_group_agree(store->group, error))
                result = -1;
        }
        if (result == 1) {
            *checkpoint = m.checkpoint;
            m.checkpoint = (struct bit_checkpoint){0};
        }
        manifest_free(&m);
        if (result)
            return result;
    }
}

int bit_store_load(struct bit_store *store, const char *model, uint64_t limit, struct bit_checkpoint *checkpoint,
                   struct bit_arrays *arrays, struct bit_error *error)
{
    struct search s = {0};
    if (store->group->rank == 0)
        search_start(store, &s, error);
    int result = bit_group_agree(store->group, error);
    if (!result)
        result = search(store, &s, model, limit, checkpoint, arrays, error);
    bit_free(s.list);
    return result;
}
