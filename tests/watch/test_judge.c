#include "bit/watch.h"
#include "tests/unit.h"

enum { RANKS = 4 };
static struct bit_seen all[RANKS];
static struct bit_verdict v;

/* Rank r in a phase, still for so long; waiting: inside its wait number `entered`. */
static void rank(int r, enum bit_phase phase, uint64_t entered, bool waiting, double still, double silent)
{
    all[r] = (struct bit_seen){.silent = silent};
    struct bit_heart *h = &all[r].heart;
    h->rank = r;
    h->ranks = RANKS;
    h->notes[0] = (struct bit_phase_note){.phase = phase, .step = 10, .entered = entered, .left = entered - waiting};
    h->still[0] = still;
    h->limit[0] = 10;
}

static void everybody(enum bit_phase phase, uint64_t entered, bool waiting, double still)
{
    for (int r = 0; r < RANKS; r++)
        rank(r, phase, entered, waiting, still, 0);
}

static void test_nobody(void)
{
    everybody(BIT_PHASE_FORWARD, 5, false, 9.9);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
    rank(2, BIT_PHASE_REDUCE, 6, true, 5000, 0); /* it waits for the others, who are in time */
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
}

static void test_stuck(void)
{
    everybody(BIT_PHASE_REDUCE, 6, true, 12);
    rank(2, BIT_PHASE_BACKWARD, 5, false, 10.5, 0);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_STUCK);
    CHECK(v.rank == 2 && v.phase == BIT_PHASE_BACKWARD && v.seconds == 10.5 && v.limit == 10 && v.step == 10);
    CHECK(bit_watch_judge(all, RANKS, 3, &v) == BIT_LATE_NOT); /* who stands outside gives them time to find it */
    all[2].heart.limit[0] = 0;
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
}

/* A stopped rank is to blame wherever it stands, within a wait too: its own thread cannot say how long it has stood. */
static void test_silent(void)
{
    everybody(BIT_PHASE_AGREE, 6, true, 12);
    rank(1, BIT_PHASE_AGREE, 6, true, 0.5, 10.1);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_SILENT && v.rank == 1 && v.seconds == 10.1);
    rank(1, BIT_PHASE_AGREE, 6, true, 9.9, 4); /* it had waited long already, as the others */
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
    rank(1, BIT_PHASE_AGREE, 6, false, 9.9, 4); /* it was at work */
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_SILENT && v.rank == 1);
    rank(1, BIT_PHASE_AGREE, 6, true, 0.5, 4);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
    rank(1, BIT_PHASE_ENDED, 6, false, 0.5, 400);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
}

/* Two are late: the one that has come less far holds up the other. */
static void test_two(void)
{
    everybody(BIT_PHASE_REDUCE, 6, true, 12);
    rank(0, BIT_PHASE_UPDATE, 6, false, 40, 0);
    rank(3, BIT_PHASE_DATA, 4, false, 11, 0);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_STUCK && v.rank == 3);
}

static void test_together(void)
{
    everybody(BIT_PHASE_REDUCE, 6, true, 11);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_TOGETHER);
    rank(2, BIT_PHASE_REDUCE, 5, true, 11, 0);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_TOGETHER && v.rank == 2);
    rank(2, BIT_PHASE_REDUCE, 6, true, 9, 0);
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_NOT);
}

static void test_background(void)
{
    everybody(BIT_PHASE_FORWARD, 6, false, 0);
    all[3].heart.notes[BIT_TRACK_BACKGROUND].phase = BIT_PHASE_WRITE;
    all[3].heart.limit[BIT_TRACK_BACKGROUND] = 20;
    all[3].heart.still[BIT_TRACK_BACKGROUND] = 21;
    CHECK(bit_watch_judge(all, RANKS, 0, &v) == BIT_LATE_BACKGROUND && v.rank == 3 && v.phase == BIT_PHASE_WRITE);
}

static void test_limits(void)
{
    struct bit_watch_limits l = {.start = 1, .data = 2, .step = 3, .checkpoint = 4};
    CHECK(bit_watch_limit(&l, BIT_PHASE_INDEX, 9) == 1 && bit_watch_limit(&l, BIT_PHASE_DATA, 9) == 2);
    CHECK(bit_watch_limit(&l, BIT_PHASE_REDUCE, 9) == 3 && bit_watch_limit(&l, BIT_PHASE_COMMIT, 9) == 4);
    CHECK(bit_watch_limit(&l, BIT_PHASE_IDLE, 9) == 0 && bit_watch_limit(&l, BIT_PHASE_ENDED, 9) == 0);
    l.step = -1;
    CHECK(bit_watch_limit(&l, BIT_PHASE_FORWARD, 0) == BIT_WATCH_STEP_FIRST);
    CHECK(bit_watch_limit(&l, BIT_PHASE_FORWARD, 0.1) == BIT_WATCH_STEP_LEAST);
    CHECK(bit_watch_limit(&l, BIT_PHASE_FORWARD, 30) == 30 * BIT_WATCH_STEP_FACTOR);
    CHECK_STRING(bit_watch_limit_key(BIT_PHASE_EVALUATE), "watchdog.step_seconds");
    for (int p = 0; p < BIT_PHASES; p++)
        CHECK(bit_phase_find(bit_phase_name(p)) == (enum bit_phase)p);
}

static void test_text(void)
{
    char text[1024];
    for (enum bit_lateness kind = BIT_LATE_SILENT; kind <= BIT_LATE_TOGETHER; kind++) {
        struct bit_verdict w = {.kind = kind, .rank = 2, .host = "node-9", .process = 77, .phase = BIT_PHASE_GATHER,
                                .step = 5, .seconds = 12.34, .limit = 10};
        bit_verdict_text(&w, text, sizeof text);
        CHECK(strstr(text, "rank 2 (process 77 on node-9)") && strstr(text, "phase gather after step 5 for 12.3 s"));
        CHECK(strstr(text, "10.0 s (watchdog.step_seconds)") != NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"nobody", test_nobody}, {"stuck", test_stuck}, {"silent", test_silent}, {"two", test_two},
        {"together", test_together}, {"background", test_background}, {"limits", test_limits}, {"text", test_text},
    };
    return unit_main("judge", tests, sizeof tests / sizeof *tests, argc, argv);
}
