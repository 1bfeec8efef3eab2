#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/watch.h"
#include "tests/unit.h"

static char folder[PATH_MAX];

static struct bit_heart example(void)
{
    struct bit_heart h = {
        .id = 0xfedcba9876543210, .rank = 3, .ranks = 4, .host = "node-17", .process = 4242, .live = 9, .beats = 99, .wall = 1.75e9,
        .notes = {{BIT_PHASE_BACKWARD, 123456, 789, 55, 54}, {BIT_PHASE_WRITE, 1, 2, 0, 0}},
        .still = {1.5, 0.25}, .limits = {1, 2, 60, 1800}, .limit = {60, 1800},
    };
    return h;
}

static void test_record(void)
{
    struct bit_heart in = example(), out;
    char record[BIT_HEART_BYTES];
    bit_heart_format(&in, record);
    CHECK(record[BIT_HEART_BYTES - 1] == '\n');
    CHECK(!memchr(record, 0, sizeof record));
    REQUIRE(bit_heart_parse(record, &out) == 0);
    CHECK(out.id == in.id && out.rank == 3 && out.ranks == 4 && out.process == 4242 && out.live == 9 && out.beats == 99);
    CHECK_STRING(out.host, "node-17");
    for (int t = 0; t < BIT_TRACKS; t++) {
        CHECK(out.notes[t].phase == in.notes[t].phase && out.notes[t].step == in.notes[t].step);
        CHECK(out.notes[t].moves == in.notes[t].moves && out.notes[t].entered == in.notes[t].entered);
        CHECK(out.notes[t].left == in.notes[t].left && out.still[t] == in.still[t] && out.limit[t] == in.limit[t]);
    }
}

/* A reader that comes while the writer is half through: never a record made of two. */
static void test_torn(void)
{
    struct bit_heart one = example(), two = example(), out;
    char a[BIT_HEART_BYTES], b[BIT_HEART_BYTES], torn[BIT_HEART_BYTES];
    two.beats++;
    two.notes[0].phase = BIT_PHASE_REDUCE;
    two.notes[0].moves = 100000;
    bit_heart_format(&one, a);
    bit_heart_format(&two, b);
    int taken = 0;
    for (size_t cut = 1; cut < sizeof a; cut++) {
        memcpy(torn, b, cut);
        memcpy(torn + cut, a + cut, sizeof a - cut);
        if (bit_heart_parse(torn, &out) == 0)
            taken += out.beats == 100 ? strncmp(torn, b, 300) != 0 : strncmp(torn, a, 300) != 0;
    }
    CHECK(taken == 0);
    memset(torn, ' ', sizeof torn);
    CHECK(bit_heart_parse(torn, &out) == -1);
}

static void test_files(void)
{
    struct bit_heart h = example(), out;
    double first, second, seen;
    char path[PATH_MAX];
    CHECK(bit_heart_read(folder, 3, &out, &seen) == -1);
    CHECK(bit_heart_write(folder, &h, &first) == -1); /* only the first beat makes the file */
    h.beats = 1;
    REQUIRE(bit_heart_write(folder, &h, &first) == 0);
    usleep(20000);
    h.beats = 99;
    h.beats++;
    REQUIRE(bit_heart_write(folder, &h, &second) == 0);
    CHECK(second > first && second - first < 5);
    REQUIRE(bit_heart_read(folder, 3, &out, &seen) == 0);
    CHECK(out.beats == 100 && seen == second);
    bit_heart_path(folder, 3, path);
    struct stat status;
    CHECK(stat(path, &status) == 0 && status.st_size == BIT_HEART_BYTES);
    /* A former invocation's rank comes back: it is told, and changes nothing. */
    h.id = 5;
    CHECK(bit_heart_write(folder, &h, &second) == 1);
    CHECK(bit_heart_read(folder, 3, &out, &seen) == 0 && out.id == example().id);
    struct bit_verdict v = {.kind = BIT_LATE_SILENT, .id = 5, .phase = BIT_PHASE_STOP, .host = "h"};
    CHECK(bit_watch_condemn(folder, &v, NULL) == 0 && !bit_watch_condemned(folder, 5, NULL));
    char other[PATH_MAX];
    bit_heart_path(folder, 2, other);
    REQUIRE(rename(path, other) == 0);
    CHECK(bit_heart_read(folder, 2, &out, &seen) == -1); /* another rank's */
}

static void test_condemn(void)
{
    struct bit_verdict v = {.kind = BIT_LATE_STUCK, .id = 7, .step = 12, .rank = 2, .host = "h", .process = 5,
                            .phase = BIT_PHASE_FORWARD, .seconds = 61.5, .limit = 60}, found;
    struct bit_error error = {0};
    char path[PATH_MAX];
    struct bit_outcome o;
    static const char before[] = "{\"state\": \"running\",\n \"reason\": null,\n \"step\": 8,\n \"validation_loss\": 0.10000000000000001,\n"
                                 " \"written\": \"x\"\n}\n";
    REQUIRE(bit_path_join(path, sizeof path, folder, "outcome.json", &error) == 0);
    REQUIRE(bit_file_write_cache(path, before, strlen(before), &error) == 0);
    CHECK(!bit_watch_condemned(folder, 7, &found));
    CHECK(bit_watch_condemn(folder, &v, &error) == 1);
    CHECK(bit_watch_condemn(folder, &v, &error) == 0);
    CHECK(!bit_watch_condemned(folder, 8, &found));
    REQUIRE(bit_watch_condemned(folder, 7, &found));
    CHECK(found.rank == 2 && found.phase == BIT_PHASE_FORWARD && found.seconds == 61.5 && found.kind == BIT_LATE_STUCK);
    REQUIRE(bit_outcome_read(folder, &o, &error) == 0);
    CHECK(o.state == BIT_RUN_FAILED && o.code == BIT_ELATE && o.late.rank == 2 && o.late.seconds == 61.5);
    CHECK_STRING(o.late.phase, "forward");
    CHECK(o.progress.step == 12 && o.evaluation.loss == 0.1);
}

/* What has ended keeps its end. */
static void test_ended(void)
{
    struct bit_verdict v = {.kind = BIT_LATE_SILENT, .id = 9, .phase = BIT_PHASE_STOP, .host = "h"};
    struct bit_error error = {0};
    char path[PATH_MAX];
    static const char before[] = "{\"state\": \"finished\", \"exit_code\": 0}\n";
    REQUIRE(bit_path_join(path, sizeof path, folder, "heartbeat/late", &error) == 0);
    unlink(path);
    REQUIRE(bit_path_join(path, sizeof path, folder, "outcome.json", &error) == 0);
    REQUIRE(bit_file_write_cache(path, before, strlen(before), &error) == 0);
    CHECK(bit_watch_condemn(folder, &v, &error) == 1);
    CHECK(bit_outcome_state(folder) == BIT_RUN_FINISHED);
}

/* Of many that suspect something, one looks; when it does no more, another one. */
static void test_turns(void)
{
    enum { RANKS = 200 };
    static struct bit_lease leases[RANKS];
    int looked = 0, who = -1;
    for (int r = 0; r < RANKS; r++)
        leases[r].rank = -1;
    for (int turn = 0; turn < 5; turn++)
        for (int r = 0; r < RANKS; r++)
            if (bit_lease_take(folder, 77, r, RANKS, turn, &leases[r])) {
                looked++;
                CHECK(who < 0 || who == r);
                who = r;
            }
    CHECK(looked == 4 && who >= 0); /* nobody in the first turn */
    int heir = -1, heirs = 0;
    for (double now = 5; now < 5 + 3 * bit_watch_silence(RANKS); now += 1)
        for (int r = 0; r < RANKS; r++)
            if (r != who && bit_lease_take(folder, 77, r, RANKS, now, &leases[r])) {
                heirs += r != heir;
                heir = r;
            }
    CHECK(heirs == 1 && heir >= 0);
    leases[0] = (struct bit_lease){.rank = -1};
    CHECK(bit_lease_take(folder, 78, 0, 4, 0, &leases[0])); /* another invocation's word is none; few need not wait */
}

static void test_periods(void)
{
    struct bit_watch_limits l = {.start = 1800, .data = 600, .step = 2, .checkpoint = 0};
    CHECK(bit_watch_period(&l, 4) == 0.5 && bit_watch_silence(4) == 3);
    l.step = 60;
    CHECK(bit_watch_period(&l, 64) == 1 && bit_watch_silence(64) == 3);
    CHECK(bit_watch_period(&l, 512) == 8 && bit_watch_silence(512) == 24);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"record", test_record}, {"torn", test_torn}, {"files", test_files}, {"condemn", test_condemn}, {"ended", test_ended},
        {"turns", test_turns}, {"periods", test_periods},
    };
    struct bit_error error = {0};
    char heartbeat[PATH_MAX];
    snprintf(folder, sizeof folder, "/tmp/bit-watch-XXXXXX");
    if (!mkdtemp(folder) || bit_path_join(heartbeat, sizeof heartbeat, folder, "heartbeat", &error) ||
        bit_folder_create(heartbeat, &error))
        return 2;
    int failed = unit_main("heartbeat", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(folder, &error);
    return failed;
}
