/* Old logs and generations go by policy, once an hour: logs of starts of jobs that ended long ago, and of such jobs the generations that are older than
 * the newest good ones. bit ckpt prune reads all of a job's generations before it removes any; one runs at a time. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/daemon.h"
#include "daemon/task.h"

enum { PRUNE_SECONDS = 6 * 3600, BATCH = 64 };
static const double DAY = 86400;

/* ---- events of jobs that have left memory ---- */

static void tell(struct daemon *d, const struct store_job *row, const char *name, const char *why)
{
    struct bit_error error = {0};
    struct job *job = bit_allocate(1, sizeof *job, "a job", &error);
    if (!job)
        return;
    job->row = *row;
    job->daemon = d;
    queue_tell(job, name, why);
    bit_free(job);
}

/* Whether a job ended before `limit`. *row is to be freed then. */
static bool ended_before(struct daemon *d, int64_t id, double limit, struct store_job *row)
{
    struct bit_error ignored = {0};
    if (queue_find(d, id) || store_read_job(d->store, id, false, row, &ignored))
        return false;
    if (daemon_is_final(row->life.state) && row->changed < limit)
        return true;
    store_job_free(row);
    return false;
}

/* ---- logs ---- */

/* "ID-N.log": ID; 0: another file. */
static int64_t job_of_log(const char *name)
{
    char *end;
    int64_t id = *name >= '1' && *name <= '9' ? strtoll(name, &end, 10) : 0;
    return id > 0 && *end == '-' && strspn(end + 1, "0123456789") > 0 && !strcmp(end + 1 + strspn(end + 1, "0123456789"), ".log") ? id : 0;
}

static void sweep_logs(struct daemon *d, double limit)
{
    char folder[PATH_MAX], path[PATH_MAX + 300], why[STORE_WHY];
    struct store_job row;
    snprintf(folder, sizeof folder, "%.4000s/attempts", d->config.state);
    DIR *list = opendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        int64_t id = job_of_log(entry->d_name);
        if (!id || !ended_before(d, id, limit, &row))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) == 0) {
            snprintf(why, sizeof why, "the log %s was removed: its job ended more than %g days ago", entry->d_name, d->config.keep_logs_days);
            tell(d, &row, "log-removed", why);
        }
        store_job_free(&row);
    }
    if (list)
        closedir(list);
}

/* ---- generations ---- */

static void next_prune(struct daemon *d);

static void pruned(void *context, int code, const char *output, size_t size)
{
    struct daemon *d = context;
    struct bit_error ignored = {0};
    struct store_job row;
    char why[STORE_WHY];
    int kept = 0, removed = 0;
    (void)size;
    d->retention.task = NULL;
    const char *said = strstr(output, "pruned: ");
    if (code == 0 && said && sscanf(said, "pruned: %d removed, %d kept", &removed, &kept) == 2 && removed > 0 &&
        store_read_job(d->store, d->retention.job, false, &row, &ignored) == 0) {
        snprintf(why, sizeof why, "%d old checkpoint(s) were removed, the newest %d stay: it ended more than %g days ago", removed, kept,
                 d->config.keep_generations_days);
        bit_log(BIT_LOG_INFO, "job %lld: %s", (long long)row.id, why);
        tell(d, &row, "checkpoints-removed", why);
        store_job_free(&row);
    } else if (code > 0) {
        bit_log(BIT_LOG_WARNING, "job %lld: its old checkpoints stay: %.300s", (long long)d->retention.job, output);
    }
    next_prune(d);
}

static void prune(struct daemon *d, const struct store_job *row)
{
    struct bit_error error = {0};
    char nice[PATH_MAX], bit[PATH_MAX + 8], keep[16];
    bool is_nice = environment_find(d, "nice", nice);
    snprintf(bit, sizeof bit, "%s/bit", d->config.programs);
    snprintf(keep, sizeof keep, "%d", d->config.keep_generations);
    const char *const words[] = {nice, bit, "ckpt", "prune", row->out, "--keep", keep, NULL};
    d->retention.job = row->id;
    d->retention.task = task_start(d, (char *const *)(uintptr_t)(words + !is_nice), PRUNE_SECONDS, pruned, d, &error);
    if (!d->retention.task)
        bit_log(BIT_LOG_WARNING, "%s", error.text);
}

/* The next job that has ended long ago and was not looked at since bitd's start; where another job uses its folder, it is that one's. */
static void next_prune(struct daemon *d)
{
    struct bit_error error = {0};
    int64_t ids[BATCH];
    double limit = daemon_now() - d->config.keep_generations_days * DAY;
    int count = store_list_ended(d->store, d->retention.after, limit, BATCH, ids, &error);
    for (int i = 0; i < count && !d->retention.task; i++) {
        struct store_job row;
        if (ended_before(d, ids[i], limit, &row)) {
            d->retention.after = row.changed;
            if (store_find_out(d->store, row.out, &error) == 0 && row.engine != ENGINE_SWEEP)
                prune(d, &row);
            store_job_free(&row);
        }
    }
    if (count == BATCH && !d->retention.task)
        d->retention.due = daemon_now() + 1;
}

void retention_tick(struct daemon *d, double now)
{
    bool logs = d->config.keep_logs_days > 0, generations = d->config.keep_generations_days > 0;
    if ((!logs && !generations) || now < d->retention.due)
        return;
    d->retention.due = now + d->config.retention_seconds;
    if (logs)
        sweep_logs(d, now - d->config.keep_logs_days * DAY);
    if (generations && !d->retention.task)
        next_prune(d);
}

double retention_next_due(const struct daemon *d)
{
    return d->config.keep_logs_days > 0 || d->config.keep_generations_days > 0 ? (d->retention.due > 0 ? d->retention.due : 1) : 0;
}
