/* A store with a past, for measurements of bitd: writes finished and queued jobs through the store's own functions, while no bitd runs.
 *     history STATE-FOLDER JOB.json RUNS-FOLDER FINISHED QUEUED
 * Each finished job has an attempt and the four events of its life; queued ones ask for one rank of one thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/job.h"
#include "bit/memory.h"
#include "daemon/store.h"

enum { AT_ONCE = 500 }; /* jobs of a transaction */
static struct bit_error error;

static int add_life(struct store *store, struct store_job *job, int number, const char *runs, bool is_finished)
{
    static const char *const names[] = {"submitted", "placed", "started", "ended"};
    static const char *const states[] = {"queued", "starting", "running", "done"};
    char out[4200], context[128];
    double begin = 1.7e9 + 60.0 * number;
    snprintf(out, sizeof out, "%.4000s/past-%d", runs, number);
    snprintf(job->name, sizeof job->name, "past-%d", number);
    job->out = out;
    job->life = daemon_life_begin(false, 0);
    job->life.state = is_finished ? STATE_DONE : STATE_QUEUED;
    job->submitted = begin;
    job->changed = begin + 50;
    if (store_add_job(store, job, &error))
        return -1;
    struct store_attempt attempt = {.number = 1, .ranks = 1, .pid = 1000 + number, .start_ticks = 5, .slurm_id = STORE_UNKNOWN, .begun = begin + 1,
                                    .ended = begin + 50, .step_before = STORE_UNKNOWN, .step_after = 24, .hosts = "localhost:1", .boot = "another"};
    if (is_finished && store_add_attempt(store, job->id, &attempt, &error))
        return -1;
    for (int e = 0; e < (is_finished ? 4 : 1); e++) {
        snprintf(context, sizeof context, "{\"state\":\"%s\",\"cause\":\"none\",\"wish\":\"none\",\"why\":\"\",\"attempt\":%d}", states[e], e > 0);
        if (store_add_event(store, job->id, begin + e, names[e], e ? context : "{}", &error) < 0)
            return -1;
    }
    return 0;
}

static int add_all(struct store *store, const struct bit_job *spec, const char *file, const char *runs, int finished, int queued)
{
    struct store_job job = {.file = (char *)file, .spec = (char *)spec->canonical, .least = 1, .most = 1, .threads = 1, .parent = STORE_UNKNOWN,
                            .index = -1, .version = PACKAGE_VERSION};
    for (int n = 1; n <= finished + queued; n++)
        if (add_life(store, &job, n, runs, n <= finished) || (n % AT_ONCE == 0 && store_commit(store, &error)))
            return -1;
    return store_commit(store, &error);
}

int main(int argc, char **argv)
{
    struct bit_problems problems = {0};
    if (argc != 6) {
        fprintf(stderr, "usage: history STATE-FOLDER JOB.json RUNS-FOLDER FINISHED QUEUED\n");
        return 64;
    }
    const struct bit_job *spec = bit_job_read(argv[2], NULL, 0, &problems, &error);
    struct store *store = spec ? store_open(argv[1], &error) : NULL;
    int result = store ? add_all(store, spec, argv[2], argv[3], atoi(argv[4]), atoi(argv[5])) : -1;
    store_close(store);
    if (spec)
        bit_job_destroy(spec);
    bit_problems_free(&problems);
    if (result)
        fprintf(stderr, "history: %s\n", error.text);
    return result ? 1 : 0;
}
