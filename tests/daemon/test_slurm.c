/* What Slurm's commands print, whole, cut and garbled; and which options of sbatch may be passed on. */
#include "bit/random.h"
#include "daemon/slurm.h"
#include "../unit.h"

static int count_lines(const char *text, struct slurm_line *last)
{
    struct slurm_line line;
    int count = 0;
    while (slurm_next_line(&text, "1a2b3c4d", &line)) {
        *last = line;
        count++;
    }
    return count;
}

static void test_lines(void)
{
    static const char text[] =
        "CLUSTER: main\n"
        "12|RUNNING|3|bit-1a2b3c4d-7|3|node[1-2,5]|None\n"
        "13|PENDING|1|bit-ffffffff-7|1||Priority\n"              /* another bitd's */
        "14|PENDING|(null)|bit-demo|1||Resources\n"              /* by hand */
        "15|PENDING|1|bit-1a2b3c4d-8|x||ReqNodeNotAvail, UnavailableNodes:n|1\n";
    struct slurm_line line;
    const char *rest = text;
    REQUIRE(slurm_next_line(&rest, "1a2b3c4d", &line));
    CHECK(line.number == 12 && line.attempt == 3 && line.job == 7 && line.node_count == 3);
    CHECK_STRING(line.state, "RUNNING");
    CHECK_STRING(line.nodes, "node[1-2,5]");
    REQUIRE(slurm_next_line(&rest, "1a2b3c4d", &line));
    CHECK(line.number == 15 && line.attempt == 1 && line.job == 8 && line.node_count == 0);
    CHECK_STRING(line.reason, "ReqNodeNotAvail, UnavailableNodes:n|1");
    CHECK(!slurm_next_line(&rest, "1a2b3c4d", &line) && !*rest);
}

static void test_hostile_lines(void)
{
    static const char *const none[] = {
        "", "\n\n\n", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", "12|RUNNING|1|bit-1a2b3c4d-7|1|n1|None", /* cut */
        "12|RUNNING|1|bit-1a2b3c4d-7|1|n1\n", "||||||\n", "-1|RUNNING|1|bit-1a2b3c4d-7|1|n|None\n", "0|RUNNING|1|bit-1a2b3c4d-7|1|n|None\n",
        "12_3|RUNNING|1|bit-1a2b3c4d-7|1|n|None\n", "99999999999999999999|RUNNING|1|bit-1a2b3c4d-7|1|n|None\n", "12|RUNNING|1|bit-1a2b3c4d-|1|n|None\n",
        "12|RUNNING|1|bit-1a2b3c4d-0|1|n|None\n", "12|RUNNING|1|bit-1a2b3c4d-7x|1|n|None\n", "12|RUNNING|1|bit-1a2b3c4d-99999999999999999999|1|n|None\n",
        "12|RUNNING|1|xbit-1a2b3c4d-7|1|n|None\n", "12|RUNNINGRUNNINGRUNNINGRUNNINGRUNNING|1|bit-1a2b3c4d-7|1|n|None\n"};
    struct slurm_line line;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (count_lines(none[i], &line) != 0)
            fprintf(stderr, "\nline %zu is taken for one\n", i);
        CHECK(count_lines(none[i], &line) == 0);
    }
    /* What can be read is, and nothing of it can reach a terminal raw. */
    CHECK(count_lines("12|RUNNING|x|bit-1a2b3c4d-7|99999999999|n\033[2J|a\tb\r\n", &line) == 1 && line.attempt == 0 && line.node_count == 0);
    CHECK_STRING(line.nodes, "n?[2J");
    CHECK_STRING(line.reason, "a?b?");
    CHECK(count_lines("12|RUNNING|99999999999|bit-1a2b3c4d-7|1|n|None\n", &line) == 1 && line.attempt == 0);
    /* Longer than any field. */
    static char text[20000];
    memset(text, 'n', sizeof text - 1);
    memcpy(text, "12|RUNNING|1|bit-1a2b3c4d-7|2|", 30);
    memcpy(text + sizeof text - 10, "|reason\n", 9);
    CHECK(count_lines(text, &line) == 1 && strlen(line.nodes) == sizeof line.nodes - 1 && line.number == 12);
    /* Any bytes: nothing is read beyond the end (sanitizers, valgrind), and it comes to an end. */
    struct bit_random dice;
    bit_random_init(&dice, 1, BIT_PURPOSE_TEST, 0, 0);
    static const char letters[] = "12|RUNIG|bit-1a2b3c4d-7|3|\n|\n";
    for (int n = 0; n < 20000; n++) {
        char garbled[64];
        size_t size = bit_random_below(&dice, sizeof garbled);
        for (size_t i = 0; i < size; i++)
            garbled[i] = letters[bit_random_below(&dice, sizeof letters - 1)];
        garbled[size] = 0;
        if (count_lines(garbled, &line) < 0 || slurm_submitted(garbled) < -1)
            CHECK(false);
    }
}

static void test_submissions(void)
{
    CHECK(slurm_submitted("Submitted batch job 4711\n") == 4711 && slurm_submitted("sbatch: warning: x\nSubmitted batch job 12 on cluster a\n") == 12);
    CHECK(slurm_submitted("77\n") == 77 && slurm_submitted("77;cluster\n") == 77 && slurm_submitted("note\n78") == 78);
    CHECK(slurm_submitted("") == -1 && slurm_submitted("Submitted batch job \n") == -1 && slurm_submitted("Submitted batch job x") == -1);
    CHECK(slurm_submitted("77 jobs are waiting\n") == -1 && slurm_submitted("Submitted batch job 12x\n") == -1 && slurm_submitted("-3\n") == -1);
    CHECK(slurm_was_refused(74, "sbatch: error: Batch job submission failed: Invalid partition name specified\n"));
    CHECK(slurm_was_refused(64, "bit-launch: unknown option\n"));
    CHECK(!slurm_was_refused(74, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"));
    CHECK(!slurm_was_refused(74, "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n"));
    CHECK(!slurm_was_refused(74, "sbatch: something else\n") && !slurm_was_refused(-1, ""));
    char line[16];
    slurm_last_line("first\nthe last one\n \n\n", line, sizeof line);
    CHECK_STRING(line, "the last one");
    slurm_last_line("a line that is too long", line, sizeof line);
    CHECK_STRING(line, "a line that is ");
    slurm_last_line("\n", line, sizeof line);
    CHECK_STRING(line, "");
}

static void test_words(void)
{
    enum slurm_view view;
    CHECK(slurm_view_of("PENDING", &view) && view == SLURM_PENDING && slurm_view_of("COMPLETING", &view) && view == SLURM_RUNNING);
    CHECK(slurm_view_of("OUT_OF_MEMORY", &view) && view == SLURM_ENDED && !slurm_view_of("", &view) && !slurm_view_of("running", &view));
    CHECK(slurm_is_held("launch failed requeued held", false) && slurm_is_held("JobHoldMaxRequeue", false) && slurm_is_held("JobHeldAdmin", true));
    CHECK(!slurm_is_held("JobHeldAdmin", false) && !slurm_is_held("JobHeldUser", true) && !slurm_is_held("", true) && !slurm_is_held("Priority", true));
    CHECK(slurm_options_have("--nodes=1", "--nodes") && slurm_options_have("--mem=2G  --nodes 2", "--nodes") && !slurm_options_have("", "--nodes"));
    CHECK(!slurm_options_have("--nodelist=n1 --nodesX=1", "--nodes"));
    struct bit_error error = {0};
    CHECK(slurm_options_check("--time=1:00:00  --partition=a,b --mem=2G --exclusive", &error) == 0);
    static const char *const refused[] = {"--wrap=ls", "-t1", "--output=/etc/passwd", "x", "--job-name=a", "--export=ALL", "--dependency=afterok:1",
                                          "--time=`ls`", "--partition=$HOME", "--time=\"1\"", "--prolog=x", "--mail-user=a", "--uid=0", "--time=1\n#SBATCH"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        bool known = slurm_options_check(refused[i], &error) == 0;
        bit_error_clear(&error);
        if (known)
            fprintf(stderr, "\n%s may be passed on\n", refused[i]);
        CHECK(!known);
    }
}

static void test_accounted(void)
{
    static const struct { const char *text, *state; } rows[] = {
        {"bit-1a2b3c4d-7|OUT_OF_MEMORY\n", "OUT_OF_MEMORY"}, {"bit-1a2b3c4d-7|CANCELLED by 1000\n", "CANCELLED"},
        {"bit-1a2b3c4d-7|NODE_FAIL\nbit-1a2b3c4d-7|COMPLETED", "COMPLETED"}, {"bit-1a2b3c4d-7|CANCELLED+\n", "CANCELLED"},
        {"bit-1a2b3c4d-7|RUNNING\n", "as it was"}, {"bit-1a2b3c4d-8|FAILED\n", "as it was"}, {"bit-ffffffff-7|FAILED\n", "as it was"},
        {"Slurm accounting storage is disabled\n", "as it was"}, {"", "as it was"}, {"|", "as it was"}, {"bit-1a2b3c4d-7|", "as it was"},
        {"bit-1a2b3c4d-7|ANYTHING_LONGER_THAN_ANY_WORD_OF_SLURM", "as it was"}, {"bit-1a2b3c4d-7\nFAILED|FAILED\n", "as it was"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char state[24] = "as it was";
        slurm_accounted(rows[i].text, "1a2b3c4d", 7, state, sizeof state);
        CHECK_STRING(state, rows[i].state);
    }
}

static const struct unit_test tests[] = {
    {"lines", test_lines}, {"hostile_lines", test_hostile_lines}, {"submissions", test_submissions}, {"words", test_words}, {"accounted", test_accounted},
};

int main(int argc, char **argv) { return unit_main("slurm", tests, sizeof tests / sizeof *tests, argc, argv); }
