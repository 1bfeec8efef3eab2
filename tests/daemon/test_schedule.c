/* Who starts, where, on how many ranks, and who makes room. */
#include <math.h>

#include "daemon/schedule.h"
#include "../unit.h"

static struct schedule_job queued(int64_t id, int priority, double since, int least, int most, double left)
{
    return (struct schedule_job){.id = id, .priority = priority, .waiting_since = since, .least = least, .most = most, .threads = 1,
                                 .seconds_left = left};
}

static struct schedule_job running(int64_t id, int priority, int host, int ranks, double left)
{
    struct schedule_job job = queued(id, priority, 0, ranks, ranks, left);
    job.is_running = true;
    job.ranks[host] = ranks;
    return job;
}

static const struct schedule_job *find(const struct schedule_job *jobs, int count, int64_t id)
{
    for (int j = 0; j < count; j++)
        if (jobs[j].id == id)
            return &jobs[j];
    return NULL;
}

static enum schedule_word word(const struct schedule_job *jobs, int count, int64_t id) { return find(jobs, count, id)->word; }

static void test_order(void)
{
    struct schedule_host host = {4, 0, true, 0, 0};
    /* Two hours of waiting outweigh one point; of equal ones the older number goes first. */
    struct schedule_job jobs[] = {queued(1, 0, 7200, 2, 2, NAN), queued(2, 1, 7200, 2, 2, NAN), queued(3, 0, 0, 2, 2, NAN)};
    schedule_run(&host, 1, jobs, 3, 7200, 0);
    CHECK(jobs[0].id == 3 && jobs[1].id == 2 && jobs[2].id == 1);
    CHECK(jobs[0].word == SCHEDULE_STARTS && jobs[1].word == SCHEDULE_STARTS && jobs[2].word == SCHEDULE_STAYS);
    CHECK(host.used == 4);
}

static void test_ranks(void)
{
    struct schedule_host host = {3, 0, true, 0, 0};
    struct schedule_job job = queued(1, 0, 0, 1, 4, NAN);
    schedule_run(&host, 1, &job, 1, 0, 0);
    CHECK(job.ranks[0] == 2); /* 4 is a power of two, so 2, not 3 */
    host.used = 0;
    job = queued(1, 0, 0, 1, 3, NAN);
    job.parts = 4;
    schedule_run(&host, 1, &job, 1, 0, 0);
    CHECK(job.ranks[0] == 2); /* 3 ranks do not share 4 micro-batches */
    host.used = 0;
    job = queued(1, 0, 0, 4, 8, NAN);
    schedule_run(&host, 1, &job, 1, 0, 0);
    CHECK(job.word == SCHEDULE_STAYS && host.used == 0);
    job = queued(1, 0, 0, 3, 3, NAN);
    job.parts = 4; /* a number of the user's own is not judged here */
    schedule_run(&host, 1, &job, 1, 0, 0);
    CHECK(job.word == SCHEDULE_STARTS);
}

static void test_hosts(void)
{
    struct schedule_host hosts[] = {{8, 2, true, 0, 0}, {4, 0, true, 0, 0}, {16, 0, false, 0, 0}};
    struct schedule_job jobs[] = {queued(1, 0, 0, 4, 4, NAN), queued(2, 0, 1, 6, 6, NAN)};
    schedule_run(hosts, 3, jobs, 2, 10, 0);
    CHECK(jobs[0].ranks[1] == 4 && jobs[0].ranks[0] == 0); /* the smallest hole that takes it whole */
    CHECK(jobs[1].ranks[0] == 6 && jobs[1].ranks[2] == 0);
    struct schedule_host two[] = {{4, 0, true, 0, 0}, {4, 1, true, 0, 0}};
    struct schedule_job wide = queued(3, 0, 0, 3, 3, NAN);
    wide.threads = 2;
    schedule_run(two, 2, &wide, 1, 0, 0);
    CHECK(wide.word == SCHEDULE_STARTS && wide.ranks[0] == 2 && wide.ranks[1] == 1 && two[0].used == 4 && two[1].used == 3);
}

static void test_backfill(void)
{
    /* Job 1 runs for 100 s more on 2 of 4 cores; job 2 wants all 4. */
    for (int i = 0; i < 3; i++) {
        struct schedule_host host = {4, 2, true, 0, 0};
        const double left[] = {50, 200, NAN};
        struct schedule_job jobs[] = {running(1, 0, 0, 2, 100), queued(2, 0, 0, 4, 4, NAN), queued(3, 0, 1, 2, 2, left[i])};
        schedule_run(&host, 1, jobs, 3, 10, 0);
        CHECK(word(jobs, 3, 2) == SCHEDULE_STAYS);
        CHECK(word(jobs, 3, 3) == (i == 0 ? SCHEDULE_STARTS : SCHEDULE_STAYS));
    }
    /* A long one is harmless where it fits beside the place that is kept. */
    struct schedule_host host = {4, 2, true, 0, 0};
    struct schedule_job jobs[] = {running(1, 0, 0, 2, 100), queued(2, 0, 0, 3, 3, NAN), queued(3, 0, 1, 1, 1, NAN), queued(4, 0, 2, 1, 1, NAN)};
    schedule_run(&host, 1, jobs, 4, 10, 0);
    CHECK(word(jobs, 4, 3) == SCHEDULE_STARTS && word(jobs, 4, 4) == SCHEDULE_STAYS);
}

static void test_room(void)
{
    struct schedule_host host = {4, 4, true, 0, 0};
    struct schedule_job jobs[] = {running(1, 0, 0, 2, NAN), running(2, 5, 0, 2, NAN), queued(3, 20, 0, 2, 2, NAN)};
    schedule_run(&host, 1, jobs, 3, 0, 10);
    CHECK(word(jobs, 3, 1) == SCHEDULE_MAKES_ROOM && word(jobs, 3, 2) == SCHEDULE_STAYS && word(jobs, 3, 3) == SCHEDULE_STAYS);
    /* While job 1 leaves, nobody else is sent away; and a margin that is not met, or a room that would not do, moves nobody. */
    struct schedule_job again[] = {running(1, 0, 0, 2, NAN), running(2, 5, 0, 2, NAN), queued(3, 20, 0, 2, 2, NAN)};
    again[0].is_leaving = true;
    schedule_run(&host, 1, again, 3, 0, 10);
    CHECK(word(again, 3, 2) == SCHEDULE_STAYS);
    struct schedule_job near[] = {running(1, 15, 0, 4, NAN), queued(3, 20, 0, 2, 2, NAN)};
    schedule_run(&host, 1, near, 2, 0, 10);
    CHECK(word(near, 2, 1) == SCHEDULE_STAYS);
    struct schedule_job large[] = {running(1, 0, 0, 4, NAN), queued(3, 20, 0, 8, 8, NAN)};
    schedule_run(&host, 1, large, 2, 0, 10);
    CHECK(word(large, 2, 1) == SCHEDULE_STAYS);
    struct schedule_job off[] = {running(1, 0, 0, 4, NAN), queued(3, 20, 0, 2, 2, NAN)};
    schedule_run(&host, 1, off, 2, 0, 0);
    CHECK(word(off, 2, 1) == SCHEDULE_STAYS);
}

/* Memory limits ranks as cores do, and is never given twice. */
static void test_memory(void)
{
    struct schedule_host hosts[] = {{4, 0, true, 100, 0}, {4, 0, true, 0, 0}};
    struct schedule_job jobs[] = {queued(1, 5, 0, 1, 4, NAN), queued(2, 0, 0, 1, 2, NAN)};
    jobs[0].rank_bytes = 40;
    jobs[1].rank_bytes = 30;
    schedule_run(hosts, 1, jobs, 2, 0, 0);
    CHECK(jobs[0].word == SCHEDULE_STARTS && jobs[0].ranks[0] == 2 && hosts[0].memory_used == 80 && hosts[0].used == 2);
    CHECK(jobs[1].id == 2 && jobs[1].word == SCHEDULE_STAYS); /* there are cores, and 20 bytes */
    CHECK(schedule_capacity(hosts, 1, &jobs[0], true) == 2 && schedule_capacity(hosts, 1, &jobs[0], false) == 4);
    jobs[0].rank_bytes = 101;
    CHECK(schedule_capacity(hosts, 1, &jobs[0], true) == 0 && schedule_capacity(hosts, 2, &jobs[0], true) == 4); /* what is not known does not limit */
    /* Over two hosts: two ranks where there is memory for two, the others elsewhere. */
    struct schedule_host pair[] = {{4, 0, true, 100, 0}, {2, 0, true, 1000, 0}};
    struct schedule_job job = queued(3, 0, 0, 4, 4, NAN);
    job.rank_bytes = 50;
    schedule_run(pair, 2, &job, 1, 0, 0);
    CHECK(job.word == SCHEDULE_STARTS && job.ranks[0] == 2 && job.ranks[1] == 2);
    /* One that would be stopped gives its memory back. */
    struct schedule_host busy = {4, 1, true, 100, 90};
    struct schedule_job both[] = {running(4, 0, 0, 1, NAN), queued(5, 20, 0, 1, 1, NAN)};
    both[0].rank_bytes = 90;
    both[1].rank_bytes = 50;
    schedule_run(&busy, 1, both, 2, 0, 10);
    CHECK(both[0].word == SCHEDULE_MAKES_ROOM && both[1].word == SCHEDULE_STAYS);
}

static const struct unit_test tests[] = {
    {"memory", test_memory},
    {"order", test_order}, {"ranks", test_ranks}, {"hosts", test_hosts}, {"backfill", test_backfill}, {"room", test_room},
};

int main(int argc, char **argv) { return unit_main("schedule", tests, sizeof tests / sizeof *tests, argc, argv); }
