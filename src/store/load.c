/* Loading the newest whole generation. Rank 0 decides, all ranks agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "store/folder.h"
#include "store/newest.h"
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

static int list_all(const struct bit_store *store, struct search *s, struct bit_error *error)
{
    struct bit_error missing = {0};
    bit_free(s->list);
    s->list = NULL;
    s->count = s->next = 0;
    if (!bit_file_exists(store->folder))
        return 0;
    if (folder_scan(store->folder, &s->list, &s->count, &missing))
        return bit_fail(error, BIT_EENVIRONMENT, "%s", missing.text);
    s->next = s->count;
    return 0;
}

/* Whether the generation of a step is there, or was set aside. */
static bool is_listed(const struct search *s, uint64_t step)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].step == step && s->list[i].kind <= ENTRY_SUPERSEDED)
            return true;
    return false;
}

/* Rank 0's list. A generation that is known to have been committed is waited for: this host's listing may be an old one. */
static int search_start(const struct bit_store *store, struct search *s, uint64_t limit, struct bit_error *error)
{
    double begun = bit_clock_seconds();
    bool told = false;
    uint64_t newest;
    if (list_all(store, s, error))
        return -1;
    while (newest_read(store->folder, &newest) && newest <= limit && !is_listed(s, newest)) {
        if (bit_clock_seconds() - begun > STORE_PATIENCE) {
            bit_log(BIT_LOG_WARNING, "the checkpoint of step %llu was the newest, and is not there", (unsigned long long)newest);
            break;
        }
        if (!told)
            bit_log(BIT_LOG_WARNING, "the checkpoint of step %llu is the newest, and this host does not see it: looking for up to %d s",
                    (unsigned long long)newest, STORE_PATIENCE);
        told = true;
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        if (store->writer)
            newest_refresh(store->folder);
        if (list_all(store, s, error))
            return -1;
    }
    for (size_t i = 0; i < s->count; i++)
        s->bad += s->list[i].kind == ENTRY_BAD;
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

/* Some rank found the generation damaged. Whether rank 0, reading all of it, finds so, too; 0: it does, 1: it is whole, -1. */
static int ask_first(const struct bit_store *store, const char *path, const struct manifest *m, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_arrays none = {.table = m->table};
    struct bit_error why = {0};
    int whole = 0;
    if (group->rank == 0) {
        whole = generation_fetch(path, m, &none, bit_group_self(), &why) == 0;
        if (!whole && why.code != BIT_EDATA)
            *error = why;
    }
    if (bit_group_agree(group, error) || bit_group_broadcast(group, &whole, sizeof whole, 0, error))
        return -1;
    return whole;
}

/* Fetches it, again for a while when it is whole to rank 0 alone: another host may see an older folder by that name. 1: loaded; 0:
 * damaged, *why says how; -1. */
static int fetch_patiently(const struct bit_store *store, const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                           struct bit_error *why, struct bit_error *error)
{
    struct bit_group *group = store->group;
    for (int tries = 0; generation_fetch(path, m, arrays, group, why); tries++) {
        if (why->code != BIT_EDATA) {
            *error = *why;
            return -1;
        }
        int whole = group->size == 1 ? 0 : ask_first(store, path, m, error);
        if (whole <= 0)
            return whole;
        if (tries == STORE_PATIENCE)
            return bit_fail(error, BIT_EENVIRONMENT, "%s; but rank 0 finds it whole, so it is left as it is. Do all hosts have the same "
                            "file system there?", why->text);
        if (tries == 0 && group->rank == 0)
            bit_log(BIT_LOG_WARNING, "%s; but rank 0 finds it whole: trying again for up to %d s", why->text, STORE_PATIENCE);
        bit_error_clear(why);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    return 1;
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
    int result = fetch_patiently(store, path, m, &wanted, &why, error);
    if (result)
        return result;
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
            if (store->writer && store->group->rank == 0) {
                if (limit != UINT64_MAX)
                    roll_back(store, s, m.checkpoint.step, error);
                newest_write(store->folder, m.checkpoint.step);
            }
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
        search_start(store, &s, limit, error);
    int result = bit_group_agree(store->group, error);
    if (!result)
        result = search(store, &s, model, limit, checkpoint, arrays, error);
    bit_free(s.list);
    return result;
}
