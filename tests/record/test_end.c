/* What an end means, row by row. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/record.h"
#include "../unit.h"

static char folder[] = "/tmp/bit-end-XXXXXX";

enum outcome { NONE, OLD, NEW }; /* outcome.json: there is none; the one from before the start; this start's */

static const struct row {
    int code;                 /* of what started it */
    enum outcome outcome;
    enum bit_run_state state; /* that it gives */
    enum bit_code said;
    const char *how;          /* e: evaluation, a: asked, x: ended from outside, h: another process holds the folder */
    enum bit_end_action action;
    int expected;             /* the run's exit code */
} rows[] = {
    /* what is certain by its code, whatever stands there from before */
    {0, NEW, BIT_RUN_FINISHED, BIT_OK, "", BIT_END_DONE, 0},
    {0, OLD, BIT_RUN_FAILED, BIT_EDATA, "", BIT_END_DONE, 0},
    {0, NONE, 0, 0, "", BIT_END_DONE, 0},
    {0, NEW, BIT_RUN_RUNNING, BIT_OK, "", BIT_END_AGAIN, 74},
    {0, NEW, BIT_RUN_FAILED, BIT_ELATE, "", BIT_END_AGAIN, 76},
    {0, NEW, BIT_RUN_RUNNING, BIT_OK, "e", BIT_END_DONE, 0},
    {64, OLD, BIT_RUN_STOPPED, BIT_EAGAIN, "", BIT_END_HELD, 64},
    {65, NONE, 0, 0, "", BIT_END_HELD, 65},
    {66, NONE, 0, 0, "", BIT_END_HELD, 66},
    /* the outcome of this start counts, whatever mpirun says */
    {1, NEW, BIT_RUN_FINISHED, BIT_OK, "", BIT_END_DONE, 0},
    {1, NEW, BIT_RUN_STOPPED, BIT_EAGAIN, "a", BIT_END_LATER, 75},
    {1, NEW, BIT_RUN_STOPPED, BIT_EAGAIN, "", BIT_END_LATER, 75},
    {143, NEW, BIT_RUN_STOPPED, BIT_EAGAIN, "x", BIT_END_AGAIN, 76},
    {143, NEW, BIT_RUN_STOPPED, BIT_EAGAIN, "ax", BIT_END_LATER, 75},
    {14, NEW, BIT_RUN_FAILED, BIT_EENVIRONMENT, "", BIT_END_AGAIN, 74},
    {1, NEW, BIT_RUN_FAILED, BIT_ELATE, "x", BIT_END_AGAIN, 76},
    {1, NEW, BIT_RUN_FAILED, BIT_EDATA, "", BIT_END_HELD, 65},
    {1, NEW, BIT_RUN_FAILED, BIT_ENOGENERATION, "", BIT_END_HELD, 69},
    {1, NEW, BIT_RUN_FAILED, BIT_EINTERNAL, "", BIT_END_HELD, 70},
    {137, NEW, BIT_RUN_RUNNING, BIT_OK, "", BIT_END_AGAIN, 74},
    {-1, NEW, BIT_RUN_RUNNING, BIT_OK, "", BIT_END_AGAIN, 74},
    {-1, NEW, BIT_RUN_FINISHED, BIT_OK, "", BIT_END_DONE, 0},
    {137, NEW, BIT_RUN_RUNNING, BIT_OK, "h", BIT_END_LATER, 74},
    /* it has written nothing */
    {69, OLD, BIT_RUN_FINISHED, BIT_OK, "", BIT_END_HELD, 69},
    {70, NONE, 0, 0, "", BIT_END_HELD, 70},
    {74, OLD, BIT_RUN_RUNNING, BIT_OK, "h", BIT_END_LATER, 74},
    {74, OLD, BIT_RUN_RUNNING, BIT_OK, "", BIT_END_AGAIN, 74},
    {75, NONE, 0, 0, "a", BIT_END_LATER, 75},
    {76, NONE, 0, 0, "", BIT_END_AGAIN, 76},
    {1, NONE, 0, 0, "", BIT_END_AGAIN, 74},
    {143, NONE, 0, 0, "a", BIT_END_LATER, 75},
    {143, OLD, BIT_RUN_FINISHED, BIT_OK, "x", BIT_END_AGAIN, 76},
    {143, OLD, BIT_RUN_FINISHED, BIT_OK, "ax", BIT_END_AGAIN, 76},
    /* an evaluation never looks at the outcome */
    {1, NEW, BIT_RUN_FINISHED, BIT_OK, "e", BIT_END_AGAIN, 74},
    {75, NEW, BIT_RUN_RUNNING, BIT_OK, "e", BIT_END_LATER, 75},
};

static void check_row(const struct row *row)
{
    struct bit_error error = {0};
    struct bit_outcome o;
    struct bit_end end;
    char mark[128] = "", path[PATH_MAX];
    bit_path_join(path, sizeof path, folder, BIT_RECORD_LOCK, &error);
    int held = strchr(row->how, 'h') ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (held >= 0)
        flock(held, LOCK_EX);
    if (row->outcome != NONE) {
        bit_outcome_init(&o);
        o.state = row->state;
        o.code = row->said;
        REQUIRE(bit_outcome_write(folder, &o, &error) == 0);
    }
    if (row->outcome == OLD)
        bit_outcome_mark(folder, mark, sizeof mark);
    struct bit_end_facts facts = {.code = row->code, .is_evaluation = strchr(row->how, 'e'), .asked = strchr(row->how, 'a'),
                                  .ended = strchr(row->how, 'x'), .before = mark};
    CHECK(bit_end_judge(folder, &facts, &end, &error) == 0);
    bool good = end.action == row->action && end.code == row->expected && *end.why;
    if (!good)
        fprintf(stderr, "\nrow %d: %s %d %s\n", (int)(row - rows), bit_end_action_name(end.action), end.code, end.why);
    CHECK(good);
    bool cut_off = row->outcome == NEW && row->state == BIT_RUN_RUNNING && !strpbrk(row->how, "eh");
    CHECK((bit_outcome_state(folder) == (cut_off ? BIT_RUN_FAILED : row->state)) || row->outcome == NONE);
    if (held >= 0)
        close(held);
    unlink(path);
    bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, &error);
    unlink(path);
}

static void every_row(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

static void codes_alone(void)
{
    struct bit_end end;
    for (int code = -1; code < 256; code++) {
        struct bit_error error = {0};
        bool ours = code == 0 || (code >= 64 && code <= 66) || code == 69 || code == 70 || (code >= 74 && code <= 76);
        CHECK((bit_end_of_code(code, &end, &error) == 0) == ours);
        CHECK(ours || error.code == BIT_EUSAGE);
    }
}

static void damaged(void)
{
    struct bit_error error = {0};
    struct bit_end end;
    char path[PATH_MAX];
    bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, &error);
    CHECK(bit_file_write_cache(path, "{", 1, &error) == 0);
    CHECK(bit_end_judge(folder, &(struct bit_end_facts){.code = 1}, &end, &error) == -1 && error.code == BIT_EDATA);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"every row", every_row}, {"codes alone", codes_alone}, {"damaged", damaged}};
    if (!mkdtemp(folder))
        return 2;
    int result = unit_main("end", tests, sizeof tests / sizeof *tests, argc, argv);
    struct bit_error error = {0};
    bit_folder_remove(folder, &error);
    return result;
}
