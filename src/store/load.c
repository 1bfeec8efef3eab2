/* Loading the newest whole generation. Rank 0 decides, all ranks agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "store/generations.h"
#include "store/newest.h"
#include "store/store.h"

enum { READ_TRIES = 3 /* a second apart, where a disk or file server fails to read */ };

/* Rank 0's list, newest last; `next` counts down and is the candidate's place. */
struct search { struct entry *list; size_t count, next; int bad, unread; };

/* What rank 0 tells the others. */
struct choice { char name[ENTRY_NAME]; uint64_t size; int found; int bad, unread; };

/* Whether another generation may be tried: this one is damaged, or cannot be read. */
static bool is_passed_over(const struct bit_error *why)
{
    return why->code == BIT_EDATA || why->code == BIT_ENOINPUT;
}

/* Rank 0 passes over the candidate. It keeps its name until another one is loaded: where storage is ill, nothing is changed. */
static void pass_over(struct search *s, const struct bit_error *why)
{
    struct entry *e = &s->list[s->next];
    e->damaged = true;
    if (why->code == BIT_EDATA)
        s->bad++;
    else
        s->unread++;
    bit_log(BIT_LOG_WARNING, "checkpoint %s %s (%s): trying an older one", e->name,
            why->code == BIT_EDATA ? "is damaged" : "cannot be read", why->text);
}

/* Rank 0 of a writer, when another one has been loaded. */
static int set_damaged_aside(const struct bit_store *store, const struct search *s, struct bit_error *error)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!s->list[i].damaged)
            continue;
        bit_log(BIT_LOG_WARNING, "checkpoint %s is set aside as %s.bad", s->list[i].name, s->list[i].name);
        if (set_aside(store->folder, s->list[i].name, ".bad", error))
            return -1;
    }
    return 0;
}

static int read_patiently(const char *path, struct manifest *m, char **text, size_t *size, struct bit_error *why)
{
    for (int tries = 1; generation_read(path, m, text, size, why); tries++) {
        if (why->code != BIT_ENOINPUT || tries == READ_TRIES)
            return -1;
        bit_error_clear(why);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    return 0;
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
        int result = read_patiently(path, &m, text, &size, &why);
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
        if (!is_passed_over(&why)) {
            *error = why;
            return -1;
        }
        pass_over(s, &why);
    }
    *choice = (struct choice){.bad = s->bad, .unread = s->unread};
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
    if (generations_scan(store->folder, &s->list, &s->count, &missing))
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
    /* What held a committed generation once; a temporary folder did not. */
    for (size_t i = 0; i < s->count; i++) {
        enum entry_kind kind = s->list[i].kind;
        s->bad += kind == ENTRY_BAD || (limit == UINT64_MAX && (kind == ENTRY_SUPERSEDED || kind == ENTRY_REPLACED));
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
        if (s->list[i].damaged)
            continue; /* set aside a moment ago */
        bit_log(BIT_LOG_INFO, "checkpoint %s is set aside: going back to step %llu", s->list[i].name,
                (unsigned long long)step);
        if (set_aside(store->folder, s->list[i].name, ".superseded", error))
            return -1;
    }
    return 0;
}

static int none_left(const struct bit_store *store, const struct choice *choice, struct bit_error *error)
{
    if (choice->unread)
        return bit_fail(error, BIT_EENVIRONMENT, "%s: no checkpoint could be loaded: the storage failed to read %d, %d are damaged or set "
                        "aside; nothing was changed. Mend the storage and give the same command", store->folder, choice->unread,
                        choice->bad);
    if (choice->bad)
        return bit_fail(error, BIT_ENOGENERATION, "%s: no checkpoint is whole, %d are damaged or set aside; nothing was changed. Look at "
                        "them with `bit ckpt ls`, restore one from a backup, or start anew in another folder", store->folder,
                        choice->bad);
    return 0;
}

/* Some rank found the generation damaged: rank 0 reads all of it again. 1: it is whole for rank 0 (the other rank saw an old state of the
 * file system); 0: it is really damaged; -1: error. Contents with right checksums that differ from what the manifest names were
 * written so, and are damaged for all. */
static int ask_first(const struct bit_store *store, const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                     struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_arrays alike = {.table = m->table, .weights = arrays->weights, .statistics = arrays->statistics};
    struct bit_error why = {0};
    int whole = 0;
    if (group->rank == 0) {
        alike.momentum = arrays->momentum ? bit_allocate(m->table->elements, sizeof(float), "momentum", NULL) : NULL;
        whole = generation_fetch(path, m, &alike, bit_group_self(), &why) == 0;
        bit_free(alike.momentum);
        if (!whole && !is_passed_over(&why))
            *error = why;
    }
    if (bit_group_agree(group, error) || bit_group_broadcast(group, &whole, sizeof whole, 0, error))
        return -1;
    return whole;
}

/* Fetches it, again for a while when it is whole to rank 0 alone: another host may see an older folder by that name. 1: loaded; 0:
 * damaged or unreadable, *why says how; -1. */
static int fetch_patiently(const struct bit_store *store, const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                           struct bit_error *why, struct bit_error *error)
{
    struct bit_group *group = store->group;
    for (int tries = 0; generation_fetch(path, m, arrays, group, why); tries++) {
        if (!is_passed_over(why)) {
            *error = *why;
            return -1;
        }
        bool again = why->code == BIT_ENOINPUT && tries + 1 < READ_TRIES; /* alike on all ranks: they agree on the error */
        int whole = group->size == 1 || again ? 0 : ask_first(store, path, m, arrays, error);
        if (whole < 0 || (!whole && !again))
            return whole;
        if (tries >= STORE_PATIENCE)
            return bit_fail(error, BIT_EENVIRONMENT, "%s; but rank 0 finds it whole, so it is left as it is. Do all hosts have the same "
                            "file system there?", why->text);
        if (whole && tries == 0 && group->rank == 0)
            bit_log(BIT_LOG_WARNING, "%s; but rank 0 finds it whole: trying again for up to %d s", why->text, STORE_PATIENCE);
        bit_error_clear(why);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    return 1;
}

/* One candidate. 1: loaded; 0: damaged or unreadable, try the next; -1. */
static int try_one(struct bit_store *store, const struct choice *choice, const struct manifest *m, const char *model,
                   struct bit_arrays *arrays, struct search *s, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_error why = {0}, unfit = {0};
    struct bit_arrays wanted = *arrays;
    char path[PATH_MAX];
    bit_path_join(path, sizeof path, store->folder, choice->name, error);
    if (bit_group_agree(group, error))
        return -1;
    if (!m->statistics)
        wanted.statistics = NULL;
    check_fit(m, choice->name, model, arrays, &unfit);
    if (bit_group_agree(group, &unfit)) /* of another job; or these files are not its manifest's */
        wanted = (struct bit_arrays){.table = m->table};
    int result = fetch_patiently(store, path, m, &wanted, &why, error);
    if (result == 1 && unfit.code) {
        *error = unfit;
        return -1;
    }
    if (!result && group->rank == 0)
        pass_over(s, &why);
    return result;
}

/* Rank 0 of a writer: names and the note of the newest follow what was loaded. */
static int settle(const struct bit_store *store, const struct search *s, uint64_t limit, uint64_t step, struct bit_error *error)
{
    if (set_damaged_aside(store, s, error) || (limit != UINT64_MAX && roll_back(store, s, step, error)))
        return -1;
    newest_write(store->folder, step);
    return 0;
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
            if (store->writer && store->group->rank == 0)
                settle(store, s, limit, m.checkpoint.step, error);
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
