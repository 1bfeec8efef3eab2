#include "bit/watch.h"
#include "tests/unit.h"

enum { RANKS = 4, LIMIT = 10, BACKGROUND_LIMIT = 20 };

/* What is seen of a rank: its phase; the number of its last wait for others, and whether it is inside; how long it has stood still
 * by its own word, and how long nothing was heard of it. */
struct look { enum bit_phase phase; int entered; bool waits; double still, silent; double limit, background_still; };

#define WORKS(phase_, entered_, still_) {.phase = BIT_PHASE_##phase_, .entered = entered_, .still = still_, .limit = LIMIT}
#define WAITS(phase_, entered_, still_) {.phase = BIT_PHASE_##phase_, .entered = entered_, .waits = true, .still = still_, .limit = LIMIT}
#define ENDED {.phase = BIT_PHASE_ENDED, .entered = 6, .still = 0.5, .silent = 400, .limit = LIMIT}
#define SILENT_AT_WORK(phase_, entered_, still_, silent_) \
    {.phase = BIT_PHASE_##phase_, .entered = entered_, .still = still_, .silent = silent_, .limit = LIMIT}
#define SILENT_WAITING(phase_, entered_, still_, silent_) \
    {.phase = BIT_PHASE_##phase_, .entered = entered_, .waits = true, .still = still_, .silent = silent_, .limit = LIMIT}
#define WITHOUT_LIMIT(phase_, entered_, still_) {.phase = BIT_PHASE_##phase_, .entered = entered_, .still = still_}
#define WRITES(seconds) {.phase = BIT_PHASE_FORWARD, .entered = 6, .limit = LIMIT, .background_still = seconds}

/* Expected: the kind and, where somebody is to blame, who, in which phase and for how long. */
static const struct scenario {
    const char *name;
    struct look rank[RANKS];
    double allowance;
    enum bit_lateness kind;
    int blamed;
    enum bit_phase phase;
    double seconds;
} scenarios[] = {
    {"all compute, within the limit",
     {WORKS(FORWARD, 5, 9.9), WORKS(FORWARD, 5, 9.9), WORKS(FORWARD, 5, 9.9), WORKS(FORWARD, 5, 9.9)}, .kind = BIT_LATE_NOT},
    {"a rank waits for ever for others that are in time",
     {WORKS(FORWARD, 5, 9.9), WORKS(FORWARD, 5, 9.9), WAITS(REDUCE, 6, 5000), WORKS(FORWARD, 5, 9.9)}, .kind = BIT_LATE_NOT},
    {"three wait for one that computes for too long",
     {WAITS(REDUCE, 6, 12), WAITS(REDUCE, 6, 12), WORKS(BACKWARD, 5, 10.5), WAITS(REDUCE, 6, 12)},
     .kind = BIT_LATE_STUCK, .blamed = 2, .phase = BIT_PHASE_BACKWARD, .seconds = 10.5},
    {"who stands outside gives the ranks time to find it themselves",
     {WAITS(REDUCE, 6, 12), WAITS(REDUCE, 6, 12), WORKS(BACKWARD, 5, 10.5), WAITS(REDUCE, 6, 12)}, .allowance = 3, .kind = BIT_LATE_NOT},
    {"no limit holds for the one that computes",
     {WAITS(REDUCE, 6, 12), WAITS(REDUCE, 6, 12), WITHOUT_LIMIT(BACKWARD, 5, 10.5), WAITS(REDUCE, 6, 12)}, .kind = BIT_LATE_NOT},
    {"two compute for too long: the one that has come less far holds up the other",
     {WORKS(UPDATE, 6, 40), WAITS(REDUCE, 6, 12), WAITS(REDUCE, 6, 12), WORKS(DATA, 4, 11)},
     .kind = BIT_LATE_STUCK, .blamed = 3, .phase = BIT_PHASE_DATA, .seconds = 11},
    {"a rank that was stopped within a wait is to blame: its own thread cannot say how long it has stood",
     {WAITS(AGREE, 6, 12), SILENT_WAITING(AGREE, 6, 0.5, 10.1), WAITS(AGREE, 6, 12), WAITS(AGREE, 6, 12)},
     .kind = BIT_LATE_SILENT, .blamed = 1, .phase = BIT_PHASE_AGREE, .seconds = 10.1},
    {"a rank that waited as long as the others, and then fell silent for a moment",
     {WAITS(AGREE, 6, 12), SILENT_WAITING(AGREE, 6, 9.9, 4), WAITS(AGREE, 6, 12), WAITS(AGREE, 6, 12)}, .kind = BIT_LATE_NOT},
    {"a rank that fell silent at work: what it stood before counts, too",
     {WAITS(AGREE, 6, 12), SILENT_AT_WORK(AGREE, 6, 9.9, 4), WAITS(AGREE, 6, 12), WAITS(AGREE, 6, 12)},
     .kind = BIT_LATE_SILENT, .blamed = 1, .phase = BIT_PHASE_AGREE, .seconds = 13.9},
    {"a rank that has been silent for less than the limit",
     {WAITS(AGREE, 6, 12), SILENT_WAITING(AGREE, 6, 0.5, 4), WAITS(AGREE, 6, 12), WAITS(AGREE, 6, 12)}, .kind = BIT_LATE_NOT},
    {"a rank that has ended is silent for good",
     {WAITS(AGREE, 6, 12), ENDED, WAITS(AGREE, 6, 12), WAITS(AGREE, 6, 12)}, .kind = BIT_LATE_NOT},
    {"all wait in the same place: the network",
     {WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 11)},
     .kind = BIT_LATE_TOGETHER, .blamed = 0, .phase = BIT_PHASE_REDUCE, .seconds = 11},
    {"all wait, one a wait behind the others: that one",
     {WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 11), WAITS(REDUCE, 5, 11), WAITS(REDUCE, 6, 11)},
     .kind = BIT_LATE_TOGETHER, .blamed = 2, .phase = BIT_PHASE_REDUCE, .seconds = 11},
    {"all wait, one of them not for long yet",
     {WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 11), WAITS(REDUCE, 6, 9), WAITS(REDUCE, 6, 11)}, .kind = BIT_LATE_NOT},
    {"a checkpoint is written for too long beside training",
     {WRITES(0), WRITES(0), WRITES(0), WRITES(BACKGROUND_LIMIT + 1)},
     .kind = BIT_LATE_BACKGROUND, .blamed = 3, .phase = BIT_PHASE_WRITE, .seconds = BACKGROUND_LIMIT + 1},
    {"a checkpoint is written within its limit",
     {WRITES(0), WRITES(0), WRITES(0), WRITES(BACKGROUND_LIMIT - 1)}, .kind = BIT_LATE_NOT},
};

static struct bit_seen seen_of(const struct look *look, int rank)
{
    const uint64_t entered = (uint64_t)look->entered;
    struct bit_seen seen = {.silent = look->silent};
    struct bit_heart *h = &seen.heart;
    h->rank = rank;
    h->ranks = RANKS;
    h->notes[BIT_TRACK_MAIN] = (struct bit_phase_note){.phase = look->phase, .step = 10, .entered = entered, .left = entered - look->waits};
    h->still[BIT_TRACK_MAIN] = look->still;
    h->limit[BIT_TRACK_MAIN] = look->limit;
    if (look->background_still > 0) {
        h->notes[BIT_TRACK_BACKGROUND].phase = BIT_PHASE_WRITE;
        h->limit[BIT_TRACK_BACKGROUND] = BACKGROUND_LIMIT;
        h->still[BIT_TRACK_BACKGROUND] = look->background_still;
    }
    return seen;
}

static void test_scenarios(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *s = &scenarios[i];
        struct bit_seen all[RANKS];
        struct bit_verdict v;
        for (int r = 0; r < RANKS; r++)
            all[r] = seen_of(&s->rank[r], r);
        enum bit_lateness kind = bit_watch_judge(all, RANKS, s->allowance, &v);
        bool right = kind == s->kind && (kind == BIT_LATE_NOT || (v.rank == s->blamed && v.phase == s->phase && v.step == 10 &&
                     v.seconds > s->seconds - 1e-9 && v.seconds < s->seconds + 1e-9 &&
                     v.limit == (kind == BIT_LATE_BACKGROUND ? BACKGROUND_LIMIT : LIMIT)));
        if (!right)
            printf("\n  %s: verdict %d on rank %d in phase %s for %g s", s->name, (int)kind, v.rank, bit_phase_name(v.phase), v.seconds);
        CHECK(right);
    }
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
        {"scenarios", test_scenarios}, {"limits", test_limits}, {"text", test_text},
    };
    return unit_main("judge", tests, sizeof tests / sizeof *tests, argc, argv);
}
