#include "run/census.h"

#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "run/run.h"

enum { LEAST_SEEN = 100, FIRST_SEEN = 10000 };

int census_bad(struct run *run)
{
    struct bit_stream_counts counts;
    bit_stream_count(run->stream, &counts);
    double bad = (double)counts.bad;
    if (bit_group_sum(run->world, &bad, 1, &run->error))
        return -1;
    run->loop.bad = (uint64_t)bad - run->loop.bad_undone;
    return 0;
}

/* Path and reason of the first line, whose fields are escaped already. */
static void note_first(struct run *run, const char *lines, uint64_t size)
{
    const char *path = memchr(lines, '\t', size), *end = memchr(lines, '\n', size);
    const char *reason = path && end > path ? memchr(path + 1, '\t', (size_t)(end - path - 1)) : NULL;
    if (!*run->loop.first_bad && reason)
        snprintf(run->loop.first_bad, sizeof run->loop.first_bad, "%.*s: %.*s", (int)(reason - path - 1), path + 1,
                 (int)(end - reason - 1), reason + 1);
}

/* All ranks' lines to everybody, one rank's after another's. */
static int pass_lines(struct run *run, const struct bit_text *mine, const uint64_t *sizes, char *lines)
{
    struct bit_error trouble = {0};
    for (int r = 0; r < run->world->size; r++) {
        if (!sizes[r])
            continue;
        if (r == run->world->rank)
            memcpy(lines, mine->data, sizes[r]);
        if (bit_group_broadcast(run->world, lines, sizes[r], r, &run->error))
            return -1;
        note_first(run, lines, sizes[r]);
        if (run->quarantine && trouble.code == BIT_OK)
            bit_quarantine_add(run->quarantine, lines, sizes[r], &trouble);
    }
    if (trouble.code)
        run->error = trouble;
    return run_follow(run);
}

int census_list(struct run *run, struct bit_stream *stream)
{
    struct bit_text *mine = bit_stream_bad(stream);
    uint64_t size = mine->size, sizes[run->world->size], most = 0;
    if (bit_group_gather(run->world, &size, sizeof size, sizes, &run->error))
        return -1;
    for (int r = 0; r < run->world->size; r++)
        most = sizes[r] > most ? sizes[r] : most;
    if (!most)
        return 0;
    char *lines = bit_allocate(most, 1, "the list of bad images", &run->error);
    int result = run_agree(run) ? -1 : pass_lines(run, mine, sizes, lines);
    bit_free(lines);
    bit_text_free(mine);
    return result;
}

int census_judge(struct run *run, uint64_t bad, uint64_t seen, uint64_t images)
{
    uint64_t first = images < FIRST_SEEN ? images : FIRST_SEEN;
    double share = run->job->data.bad_share;
    char of[32] = "";
    if (seen < LEAST_SEEN || (double)bad <= share * (double)(seen > first ? seen : first))
        return 0;
    if (seen < first)
        snprintf(of, sizeof of, "of %llu ", (unsigned long long)first);
    const char *named = run->loop.first_bad;
    return bit_fail(&run->error, BIT_EDATA, "%llu of %llu images seen were bad, more than the share of %g %sthat data.bad_share "
                    "allows%s%s; %s/quarantine.tsv lists them with reasons: mend or take them out, or set data.bad_share higher",
                    (unsigned long long)bad, (unsigned long long)seen, share, of, *named ? "; the first: " : "", named, run->folder);
}

int census_hash(struct run *run)
{
    if (run->loop.hashed == run->standing.step)
        return 0;
    struct bit_error harm;
    if (bit_trainer_check_replicas(run->trainer, &run->loop.hash, &harm, &run->error))
        return -1;
    if (harm.code)
        return setback_harm(run, &harm);
    run->loop.hashed = run->standing.step;
    return 0;
}
