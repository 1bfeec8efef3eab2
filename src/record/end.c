/* What the end of a start means. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/record.h"

const char *bit_end_action_name(enum bit_end_action action)
{
    static const char *const names[] = {"done", "again", "later", "held"};
    return names[action];
}

void bit_outcome_mark(const char *folder, char *mark, size_t size)
{
    char path[PATH_MAX];
    struct stat s;
    *mark = 0;
    /* Opening it renews what a network file system remembers of it. */
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, NULL) || !bit_file_exists(path))
        return;
    FILE *file = fopen(path, "re");
    if (file && fstat(fileno(file), &s) == 0)
        snprintf(mark, size, "%llu.%llu.%lld.%09ld.%lld.%09ld", (unsigned long long)s.st_ino, (unsigned long long)s.st_size,
                 (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long long)s.st_ctim.tv_sec, s.st_ctim.tv_nsec);
    if (file)
        fclose(file);
}

static bool is_new(const char *folder, const char *before)
{
    char mark[128];
    bit_outcome_mark(folder, mark, sizeof mark);
    return *mark && (!before || strcmp(mark, before) != 0);
}

static bool is_held(const char *folder, double patience)
{
    char path[PATH_MAX];
    return bit_path_join(path, sizeof path, folder, BIT_RECORD_LOCK, NULL) == 0 && bit_lock_is_held(path, patience);
}

/* What follows from an exit code of ours. */
static enum bit_end_action action_of(int code)
{
    switch (code) {
    case BIT_OK:
        return BIT_END_DONE;
    case BIT_EENVIRONMENT:
    case BIT_ELATE:
        return BIT_END_AGAIN;
    case BIT_EAGAIN:
        return BIT_END_LATER;
    default:
        return BIT_END_HELD;
    }
}

static const char *meaning_of(int code)
{
    switch (code) {
    case BIT_OK:
        return "it is finished";
    case BIT_EUSAGE:
        return "the job or the command line is wrong: mend it first";
    case BIT_EDATA:
        return "the data cannot be used: mend them first";
    case BIT_ENOINPUT:
        return "something that the job names is missing";
    case BIT_ENOGENERATION:
        return "checkpoints are there, and none of them is whole: see bit-recovery(7)";
    case BIT_EINTERNAL:
        return "a fault in the program: please report it";
    case BIT_EENVIRONMENT:
        return "the environment failed; the last checkpoint stands";
    case BIT_EAGAIN:
        return "it was stopped on request after a checkpoint: the same command goes on";
    case BIT_ELATE:
        return "a rank hung, was stopped or was lost; the last checkpoint stands";
    default:
        return "";
    }
}

static int settle(struct bit_end *end, int code, const char *why)
{
    end->action = action_of(code);
    end->code = code;
    snprintf(end->why, sizeof end->why, "%s", why && *why ? why : meaning_of(code));
    return 0;
}

int bit_end_of_code(int code, struct bit_end *end, struct bit_error *error)
{
    *end = (struct bit_end){0};
    if (code < 0 || !*meaning_of(code))
        return bit_fail(error, BIT_EUSAGE, "%d is not an exit code of a run; those are 0, 64, 65, 66, 69, 70, 74, 75 and 76", code);
    return settle(end, code, "");
}

static const char *how(int code, char *text, size_t size)
{
    if (code < 0)
        snprintf(text, size, "nobody saw its end");
    else if (code > 128 && code - 128 <= SIGRTMAX)
        snprintf(text, size, "signal %d, %s", code - 128, strsignal(code - 128));
    else
        snprintf(text, size, "exit code %d", code);
    return text;
}

/* The outcome says that it runs, and nobody has told us how it ended. */
static int settle_cut_off(const char *folder, const struct bit_end_facts *facts, struct bit_end *end, struct bit_error *error)
{
    char text[512], why[64];
    if (is_held(folder, facts->patience)) {
        snprintf(text, sizeof text, "a run still uses %s: not touched", folder);
        settle(end, BIT_EENVIRONMENT, text);
        end->action = BIT_END_LATER;
        end->is_news = true;
        return 0;
    }
    snprintf(text, sizeof text, "the run was cut off: a rank or a host was lost, or it was killed (%s)", how(facts->code, why, sizeof why));
    settle(end, BIT_EENVIRONMENT, text);
    end->is_news = true;
    return bit_outcome_fail(folder, BIT_EENVIRONMENT, text, NULL, 0, error);
}

static int judge_outcome(const char *folder, const struct bit_end_facts *facts, struct bit_end *end, struct bit_error *error)
{
    struct bit_outcome outcome;
    if (bit_outcome_read(folder, &outcome, error))
        return -1;
    switch (outcome.state) {
    case BIT_RUN_FINISHED:
        return settle(end, BIT_OK, "");
    case BIT_RUN_STOPPED: /* by the TERM of whoever ended it, after which it has saved: nobody had asked for that */
        return settle(end, facts->ended && !facts->asked ? BIT_ELATE : BIT_EAGAIN, outcome.message);
    case BIT_RUN_FAILED:
        return settle(end, outcome.code, outcome.message);
    default:
        return settle_cut_off(folder, facts, end, error);
    }
}

int bit_end_judge(const char *folder, const struct bit_end_facts *facts, struct bit_end *end, struct bit_error *error)
{
    char text[512], why[64];
    int code = facts->code;
    *end = (struct bit_end){0};
    /* Of a run that was refused, the outcome tells how it stood before. */
    if (code == BIT_EUSAGE || code == BIT_EDATA || code == BIT_ENOINPUT)
        return settle(end, code, "");
    /* Also after exit code 0: the mpirun of Open MPI 5 may end so when it has lost a host. */
    if (!facts->is_evaluation && is_new(folder, facts->before))
        return judge_outcome(folder, facts, end, error);
    if (code == BIT_EENVIRONMENT && !facts->is_evaluation && is_held(folder, facts->patience)) {
        settle(end, code, "another run uses the folder");
        end->action = BIT_END_LATER;
        return 0;
    }
    if (code == BIT_OK || code == BIT_ENOGENERATION || code == BIT_EINTERNAL || code == BIT_EENVIRONMENT || code == BIT_EAGAIN || code == BIT_ELATE)
        return settle(end, code, "");
    if (facts->ended)
        return settle(end, BIT_ELATE, "");
    if (facts->asked)
        return settle(end, BIT_EAGAIN, "it was stopped before it had begun: nothing was lost");
    snprintf(text, sizeof text, "what started it ended (%s) before the run wrote how it ended", how(code, why, sizeof why));
    settle(end, BIT_EENVIRONMENT, text);
    end->is_news = true;
    return 0;
}
