/* bit suite: runs the tasks of a suite, one after another or side by side, each by bit-launch, and tells what they have come to. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/suite.h"
#include "cli/cli.h"

struct options { const char *out, *start, *data, *only, *threads; int ranks, parallel; bool ranks_given, dry, json, results; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--out", "DIR", "where the runs go: DIR/TASK/seed-N, and DIR/results.json (default suites/NAME of the file)", BIT_OPTION_FILE, AT(out)},
    {"--start", "WEIGHTS", "what all tasks begin with, instead of the suite's model.start", BIT_OPTION_FILE, AT(start)},
    {"--data", "DIR", "relative paths of data stand against it (default: the suite file's folder)", BIT_OPTION_FILE, AT(data)},
    {"--only", "TASK,...", "these tasks alone", BIT_OPTION_TEXT, AT(only)},
    {"-n", "RANKS", "ranks of each run (default 1)", BIT_OPTION_INT, AT(ranks), 1, 1 << 20, .given_at = offsetof(struct options, ranks_given)},
    {"--threads", "T", "threads of a rank", BIT_OPTION_TEXT, AT(threads)},
    {"--parallel", "N", "runs side by side (default 1); give -- --no-bind, or hosts, so that they do not share cores", BIT_OPTION_INT, AT(parallel), 1, 1024},
    {"--dry-run", NULL, "says what would be started", BIT_OPTION_FLAG, AT(dry)},
    {"--results", NULL, "starts nothing: the table of what is there", BIT_OPTION_FLAG, AT(results)},
    {"--json", NULL, "ends with results.json instead of the table", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_suite_usage = {
    "bit suite", "SUITE.json [-- OPTION...]",
    "Fine-tunes from one set of weights on many tasks, over several seeds, and prints a table: by task, group, over all.\n"
    "With the key shots each task runs with few images of each class; with the key probe a regression from the start's features on the same\n"
    "images (bit probe) stands beside it. What has finished is not run again: the same command goes on where it was stopped.\n"
    "What follows -- goes to bit-launch.",
    known, sizeof known / sizeof *known, .least = 1, .most = 1, .has_rest = true};

/* ---- starting ---- */

/* BIT_LAUNCH, or bit-launch beside this program, or in its source's launcher folder, or on the path. */
static const char *find_launcher(char *buffer, size_t size)
{
    static const char *const places[] = {"bit-launch", "../launcher/bit-launch"};
    char self[PATH_MAX];
    const char *given = getenv("BIT_LAUNCH");
    if (given && *given)
        return given;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    if (strrchr(self, '/'))
        *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!bit_path_join(buffer, size, self, places[i], NULL) && bit_file_exists(buffer))
            return buffer;
    return "bit-launch";
}

/* This program. */
static int find_self(char *buffer, size_t size, struct bit_error *error)
{
    ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
    if (length <= 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot find the program that runs");
    buffer[length] = 0;
    return 0;
}

enum { WORDS = 300 };

static void command_of(const struct bit_suite_run *run, const struct options *o, const struct bit_operands *operands, const char *launcher,
                       char ranks[16], const char **words)
{
    int count = 0;
    snprintf(ranks, 16, "%d", o->ranks);
    words[count++] = launcher;
    words[count++] = run->job;
    words[count++] = "--out";
    words[count++] = run->folder;
    words[count++] = "-n";
    words[count++] = ranks;
    if (o->threads) {
        words[count++] = "--threads";
        words[count++] = o->threads;
    }
    for (int i = 0; i < operands->rest_count && count < WORDS - 1; i++)
        words[count++] = operands->rest[i];
    words[count] = NULL;
}

/* quiet: what it prints is not the user's to read. */
static pid_t start(const char *const *words, const sigset_t *signals, bool quiet)
{
    fflush(stdout);
    pid_t child = fork();
    if (child)
        return child;
    /* Its own group: a Ctrl-C reaches it once, through us. */
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, signals, NULL);
    if (quiet && !freopen("/dev/null", "w", stdout))
        _exit(127);
    execvp(words[0], (char *const *)words);
    fprintf(stderr, "bit: cannot start %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

/* ---- the runs ---- */

/* What a suite starts: its probes, then its runs. */
struct item { bool probe; size_t number; };
struct running { pid_t process; struct item item; };

struct work {
    struct bit_suite *suite;
    const struct options *options;
    const struct bit_operands *operands;
    const char *out;
    struct running *running;      /* [options->parallel] */
    int busy, code;               /* runs under way; exit code so far */
    int asked;                    /* the signal that asked for a stop, or 0 */
    sigset_t waited, before;      /* signals that are waited for; those that were blocked before */
    size_t next;                  /* of the probes and runs, counted together */
};

static size_t item_count(const struct work *w)
{
    return w->suite->probe_count + w->suite->run_count;
}

static struct item item_at(const struct work *w, size_t number)
{
    return number < w->suite->probe_count ? (struct item){true, number} : (struct item){false, number - w->suite->probe_count};
}

static bool is_done(const struct work *w, struct item item)
{
    return item.probe ? w->suite->probes[item.number].done : w->suite->runs[item.number].state == BIT_RUN_FINISHED;
}

/* "cars, 5 a class, seed 1"; "cars, probe" */
static const char *name_of(const struct work *w, struct item item, char *text, size_t size)
{
    const struct bit_suite *s = w->suite;
    const struct bit_suite_run *run = &s->runs[item.number];
    if (item.probe)
        snprintf(text, size, "%s, probe", s->tasks[s->probes[item.number].task].name);
    else if (s->tasks[run->task].shots)
        snprintf(text, size, "%s, %d a class, seed %llu", s->tasks[run->task].name, s->tasks[run->task].shots, (unsigned long long)run->seed);
    else
        snprintf(text, size, "%s, seed %llu", s->tasks[run->task].name, (unsigned long long)run->seed);
    return text;
}

/* The words that start an item, in `words` [WORDS]; what they need is made unless it is a dry run. */
struct texts { char ranks[16], self[PATH_MAX]; struct bit_suite_command command; };
static int compose(struct work *w, struct item item, const char *launcher, struct texts *texts, const char **words, struct bit_error *error)
{
    int count = 0;
    if (!item.probe) {
        command_of(&w->suite->runs[item.number], w->options, w->operands, launcher, texts->ranks, words);
        return w->options->dry ? 0 : bit_suite_prepare(w->suite, item.number, error);
    }
    if (find_self(texts->self, sizeof texts->self, error) || bit_suite_prepare_probe(w->suite, item.number, w->options->dry, &texts->command, error))
        return -1;
    words[count++] = texts->self;
    for (int i = 0; texts->command.words[i]; i++)
        words[count++] = texts->command.words[i];
    if (w->options->threads) {
        words[count++] = "--threads";
        words[count++] = w->options->threads;
    }
    words[count] = NULL;
    return 0;
}

static int start_next(struct work *w, const char *launcher, struct bit_error *error)
{
    const struct item item = item_at(w, w->next);
    const char *words[WORDS];
    struct texts texts;
    char name[BIT_SUITE_NAME + 64];
    if (compose(w, item, launcher, &texts, words, error))
        return -1;
    if (w->options->dry) {
        for (int i = 0; words[i]; i++)
            printf("%s%s", i ? " " : "", words[i]);
        puts("");
        return 0;
    }
    printf("bit suite: %s (%zu of %zu)\n", name_of(w, item, name, sizeof name), w->next + 1, item_count(w));
    pid_t process = start(words, &w->before, item.probe);
    if (process < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot start a process");
    w->running[w->busy++] = (struct running){process, item};
    return 0;
}

static void pass_on(const struct work *w)
{
    for (int i = 0; i < w->busy; i++)
        kill(w->running[i].process, SIGTERM);
}

/* An exit: what it was is told, and remembered when it is the first that went wrong. A probe that was told to stop did. */
static void note_end(struct work *w, pid_t process, int status)
{
    char name[BIT_SUITE_NAME + 64];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    for (int i = 0; i < w->busy; i++) {
        const struct item item = w->running[i].item;
        if (w->running[i].process != process)
            continue;
        if (code && !(item.probe && w->asked))
            fprintf(stderr, "bit: %s: ended with %d; see %s\n", name_of(w, item, name, sizeof name), code,
                    item.probe ? "above" : w->suite->runs[item.number].folder);
        w->running[i] = w->running[--w->busy];
        if (code && (!w->code || w->code == BIT_EAGAIN))
            w->code = code;
        break;
    }
}

/* Until a run ends, or a signal asks for a stop, which all runs are told. */
static void wait_for_something(struct work *w, struct bit_error *error)
{
    int status, number = sigwaitinfo(&w->waited, NULL);
    if (number > 0 && number != SIGCHLD) {
        w->asked = number;
        pass_on(w);
    }
    for (pid_t process; (process = waitpid(-1, &status, WNOHANG)) > 0;) {
        note_end(w, process, status);
        bit_suite_look(w->suite);
        bit_suite_write(w->suite, w->out, error);
    }
}

static bool wants_more(const struct work *w, const struct bit_error *error)
{
    return w->next < item_count(w) && !w->asked && !error->code;
}

static int run_all(struct work *w, struct bit_error *error)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    char buffer[PATH_MAX];
    const char *launcher = find_launcher(buffer, sizeof buffer);
    sigemptyset(&w->waited);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&w->waited, numbers[i]);
    sigprocmask(SIG_BLOCK, &w->waited, &w->before);
    while (w->busy || wants_more(w, error)) {
        if (!wants_more(w, error) || w->busy == w->options->parallel) {
            wait_for_something(w, error);
            continue;
        }
        if (!is_done(w, item_at(w, w->next)))
            start_next(w, launcher, error);
        w->next++;
    }
    sigprocmask(SIG_SETMASK, &w->before, NULL);
    return error->code ? -1 : 0;
}

static int print_json(const char *out, struct bit_error *error)
{
    char path[PATH_MAX], *text = NULL;
    size_t size;
    if (bit_path_join(path, sizeof path, out, "results.json", error) || bit_file_read(path, 64 << 20, &text, &size, error))
        return -1;
    fputs(text, stdout);
    bit_free(text);
    return 0;
}

static int work(struct work *w, struct bit_error *error)
{
    const struct options *o = w->options;
    bit_suite_look(w->suite);
    if (!o->results) {
        w->running = bit_allocate((size_t)o->parallel, sizeof *w->running, "a suite", error);
        if (!w->running)
            return -1;
        run_all(w, error);
        bit_free(w->running);
    }
    if (error->code || o->dry)
        return error->code ? -1 : 0;
    if (bit_folder_create(w->out, error) || bit_suite_write(w->suite, w->out, error))
        return -1;
    if (!o->json)
        bit_suite_print(w->suite, stdout);
    return o->json ? print_json(w->out, error) : 0;
}

/* suites/NAME for SUITES/NAME.json */
static void default_out(const char *file, char *out, size_t size)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t length = strlen(name);
    if (length > 5 && !strcmp(name + length - 5, ".json"))
        length -= 5;
    snprintf(out, size, "suites/%.*s", (int)length, name);
}

int bit_cli_suite(int argc, char **argv)
{
    struct options o = {.ranks = 1, .parallel = 1};
    struct bit_operands operands;
    struct bit_error error = {0};
    char out[PATH_MAX];
    int code;
    if (!bit_cli_parse(&bit_suite_usage, argc, argv, &o, &operands, &code))
        return code;
    default_out(operands.word[0], out, sizeof out);
    struct bit_suite_options options = {.file = operands.word[0], .folder = o.out ? o.out : out, .start = o.start, .data = o.data, .only = o.only};
    struct work w = {.options = &o, .operands = &operands, .out = options.folder};
    w.suite = bit_suite_open(&options, &error);
    if (w.suite)
        work(&w, &error);
    bit_suite_close(w.suite);
    if (error.code)
        return bit_cli_error(&error);
    return w.asked ? BIT_EAGAIN : w.code;
}
