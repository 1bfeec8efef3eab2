/* Loading the newest whole generation. Rank 0 decides, all ranks agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/wait.h"
#include "store/generations.h"
#include "store/newest.h"
#include "store/store.h"

enum { READ_TRIES = 3 /* a second apart, where a disk or file server fails to read */ };

/* Rank 0's list, newest last; `next` counts down and is the candidate's place. */
struct search { struct entry *list; size_t count, next; int bad, unread; };

/* What rank 0 tells the others. */
struct choice { char name[ENTRY_NAME]; uint64_t size; int found; int bad, unread; };

/* What became of a candidate. */
enum attempt { ATTEMPT_LOADED, ATTEMPT_PASSED_OVER /* damaged or unreadable: the next may do */, ATTEMPT_FAILED };

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
        bit_sleep(1);
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

/* A generation that is known to have been committed is waited for: this host's listing may be an old one. */
static int wait_for_newest(const struct bit_store *store, struct search *s, uint64_t limit, struct bit_error *error)
{
    struct bit_wait wait = bit_wait_for(STORE_PATIENCE, 0.2);
    bool told = false;
    uint64_t newest;
    while (newest_read(store->folder, &newest) && newest <= limit && !is_listed(s, newest)) {
        if (!told)
            bit_log(BIT_LOG_WARNING, "the checkpoint of step %llu is the newest, and this host does not see it: looking for up to %d s",
                    (unsigned long long)newest, STORE_PATIENCE);
        told = true;
        if (!bit_wait_more(&wait)) {
            bit_log(BIT_LOG_WARNING, "the checkpoint of step %llu was the newest, and is not there", (unsigned long long)newest);
            return 0;
        }
        if (store->writer)
            newest_refresh(store->folder);
        if (list_all(store, s, error))
            return -1;
    }
    return 0;
}

/* Rank 0's list. */
static int search_start(const struct bit_store *store, struct search *s, uint64_t limit, struct bit_error *error)
{
    if (list_all(store, s, error) || wait_for_newest(store, s, limit, error))
        return -1;
    /* What held a committed generation once; a temporary folder did not. */
    for (size_t i = 0; i < s->count; i++) {
        enum entry_kind kind = s->list[i].kind;
        s->bad += kind == ENTRY_BAD || (limit == UINT64_MAX && (kind == ENTRY_SUPERSEDED || kind == ENTRY_REPLACED));
    }
    return 0;
}

/* From rank 0, which has chosen, or failed. The others get the manifest's text in memory of their own. */
static int share_choice(struct bit_group *group, struct choice *choice, char **text, struct bit_error *error)
{
    if (bit_group_agree(group, error) || bit_group_broadcast(group, choice, sizeof *choice, 0, error))
        return -1;
    if (!choice->found)
        return 0;
    if (group->rank != 0)
        *text = bit_allocate(choice->size + 1, 1, "a manifest", error);
    return bit_group_agree(group, error) || bit_group_broadcast(group, *text, choice->size, 0, error) ? -1 : 0;
}

/* Rank 0's next candidate reaches all ranks; choice->found says whether there is one, whose manifest then is *m. Collective. */
static int receive(struct bit_store *store, struct search *s, uint64_t limit, struct choice *choice, struct manifest *m,
                   struct bit_error *error)
{
    struct bit_group *group = store->group;
    char *text = NULL;
    memset(choice, 0, sizeof *choice);
    if (group->rank == 0)
        choose(store, s, limit, choice, &text, error);
    int result = share_choice(group, choice, &text, error);
    if (!result && choice->found) {
        manifest_parse(text, choice->size, choice->name, m, error);
        result = bit_group_agree(group, error);
        if (result)
            manifest_free(m);
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

/* What rank 0 finds when it reads alone what some rank found damaged. */
enum second_look {
    LOOK_WHOLE,   /* the other rank saw an old state of the file system */
    LOOK_DAMAGED, /* really; also contents with right checksums that are not what the manifest names: they were written so, for all */
    LOOK_FAILED,
};

/* Collective: all ranks get rank 0's answer. */
static enum second_look look_again(const struct bit_store *store, const char *path, const struct manifest *m,
                                   const struct bit_arrays *arrays, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_arrays alike = {.table = m->table, .weights = arrays->weights, .statistics = arrays->statistics};
    struct bit_error why = {0};
    enum second_look look = LOOK_DAMAGED;
    if (group->size == 1)
        return LOOK_DAMAGED;
    if (group->rank == 0) {
        alike.momentum = arrays->momentum ? bit_allocate(m->table->elements, sizeof(float), "momentum", NULL) : NULL;
        if (generation_fetch(path, m, &alike, bit_group_self(), &why) == 0)
            look = LOOK_WHOLE;
        else if (!is_passed_over(&why))
            *error = why;
        bit_free(alike.momentum);
    }
    if (bit_group_agree(group, error) || bit_group_broadcast(group, &look, sizeof look, 0, error))
        return LOOK_FAILED;
    return look;
}

/* Reads the generation into the arrays, more than once where the next try may succeed: storage that failed to read gets READ_TRIES, and what is
 * whole for rank 0 alone gets STORE_PATIENCE seconds, for another host may still see an older folder by that name. Tries are counted, not
 * timed, so that all ranks give up together. ATTEMPT_PASSED_OVER: *why says how it is damaged. Collective. */
static enum attempt fetch_patiently(const struct bit_store *store, const char *path, const struct manifest *m,
                                    const struct bit_arrays *arrays, struct bit_error *why, struct bit_error *error)
{
    int unread = 0, stale = 0;
    while (generation_fetch(path, m, arrays, store->group, why)) { /* all ranks fail alike */
        if (!is_passed_over(why)) {
            *error = *why;
            return ATTEMPT_FAILED;
        }
        if (why->code != BIT_ENOINPUT || ++unread == READ_TRIES) {
            enum second_look look = look_again(store, path, m, arrays, error);
            if (look != LOOK_WHOLE)
                return look == LOOK_DAMAGED ? ATTEMPT_PASSED_OVER : ATTEMPT_FAILED;
            if (stale == STORE_PATIENCE) {
                bit_fail(error, BIT_EENVIRONMENT, "%s; but rank 0 finds it whole, so it is left as it is. Do all hosts have the same file "
                         "system there?", why->text);
                return ATTEMPT_FAILED;
            }
            if (stale == 0 && store->group->rank == 0)
                bit_log(BIT_LOG_WARNING, "%s; but rank 0 finds it whole: trying again for up to %d s", why->text, STORE_PATIENCE);
            stale++;
            unread = 0;
        }
        bit_error_clear(why);
        bit_sleep(1);
    }
    return ATTEMPT_LOADED;
}

/* One candidate. Collective. */
static enum attempt try_one(struct bit_store *store, const struct choice *choice, const struct manifest *m, const char *model,
                            struct bit_arrays *arrays, struct search *s, struct bit_error *error)
{
    struct bit_group *group = store->group;
    struct bit_error why = {0}, unfit = {0};
    struct bit_arrays wanted = *arrays;
    char path[PATH_MAX];
    bit_path_join(path, sizeof path, store->folder, choice->name, error);
    if (bit_group_agree(group, error))
        return ATTEMPT_FAILED;
    if (!m->statistics)
        wanted.statistics = NULL;
    check_fit(m, choice->name, model, arrays, &unfit);
    if (bit_group_agree(group, &unfit)) /* it is of another job, or its files are not its manifest's: reading them tells which */
        wanted = (struct bit_arrays){.table = m->table};
    enum attempt attempt = fetch_patiently(store, path, m, &wanted, &why, error);
    if (attempt == ATTEMPT_LOADED && unfit.code) {
        *error = unfit;
        return ATTEMPT_FAILED;
    }
    if (attempt == ATTEMPT_PASSED_OVER && group->rank == 0)
        pass_over(s, &why);
    return attempt;
}

/* Rank 0 of a writer: names and the note of the newest follow what was loaded. */
static int settle(const struct bit_store *store, const struct search *s, uint64_t limit, uint64_t step, struct bit_error *error)
{
    if (set_damaged_aside(store, s, error) || (limit != UINT64_MAX && roll_back(store, s, step, error)))
        return -1;
    newest_write(store->folder, step);
    return 0;
}

/* 1: loaded; 0: there is no generation; -1. */
static int search(struct bit_store *store, struct search *s, const char *model, uint64_t limit,
                  struct bit_checkpoint *checkpoint, struct bit_arrays *arrays, struct bit_error *error)
{
    enum attempt attempt;
    do {
        struct choice choice;
        struct manifest m = {0};
        if (receive(store, s, limit, &choice, &m, error))
            return -1;
        if (!choice.found)
            return none_left(store, &choice, error);
        attempt = try_one(store, &choice, &m, model, arrays, s, error);
        if (attempt == ATTEMPT_LOADED) {
            if (store->writer && store->group->rank == 0)
                settle(store, s, limit, m.checkpoint.step, error);
            if (bit_group_agree(store->group, error))
                attempt = ATTEMPT_FAILED;
        }
        if (attempt == ATTEMPT_LOADED) {
            *checkpoint = m.checkpoint;
            m.checkpoint = (struct bit_checkpoint){0};
        }
        manifest_free(&m);
    } while (attempt == ATTEMPT_PASSED_OVER);
    return attempt == ATTEMPT_LOADED ? 1 : -1;
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
