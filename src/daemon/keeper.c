/* bit-keeper: stands beside one attempt of a job, owns its log, ends what it leaves behind and writes down how it ended. It outlives bitd.
 * The contract with bitd is in README.md. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "daemon/points.h"

extern char **environ;

enum {
    LOCK_NUMBER = 9,         /* of the lock's descriptor in the program */
    LOOK = 50,               /* milliseconds between looks at what has no descriptor to wait for */
    HANDLER_SECONDS = 5,     /* a program that has no handler by then gets its TERM all the same */
    REPEAT_SECONDS = 5,      /* of TERM, until the program ends: bash can lose a signal while it reads a $(...) */
    TRIM_SECONDS = 60,
    LEAVE_MILLISECONDS = 300, /* for what ends by itself after the program */
    TERM_SECONDS = 5,
};

struct keeper {
    const char *prefix;
    char **command;
    int go, oom;
    off_t log_limit;
    mode_t umask;
    struct keeper_files files;
    struct keeper_identity self, program; /* program.pid 0: not started, or reaped */
    struct keeper_end end;
    int signals;               /* signalfd */
    bool save, stop, destroy;  /* asked for; save until it was passed on */
    double started, stopped;   /* seconds of the monotonic clock; stopped: when the program was last sent TERM, 0: never */
};

static const char usage[] = "usage: bit-keeper --attempt PREFIX --go FD [--oom N] [--log-limit BYTES] -- PROGRAM ARGUMENT...\n"
                            "Runs one attempt of a job for bitd; see bit-keeper(8).\n";

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the command line ---- */

/* A whole number of `text`, 0 or more unless it may be negative; -1: it is none. */
static int read_number(const char *text, long long least, long long most, long long *value)
{
    char *end;
    errno = 0;
    *value = text ? strtoll(text, &end, 10) : 0;
    return !text || end == text || *end || errno || *value < least || *value > most ? -1 : 0;
}

static int parse(struct keeper *k, int count, char **words)
{
    long long number = 0;
    int i = 1;
    for (; i < count && strcmp(words[i], "--"); i += 2) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : NULL;
        int bad = 0;
        if (strcmp(word, "--attempt") == 0) {
            k->prefix = value;
        } else if (strcmp(word, "--go") == 0) {
            bad = read_number(value, 3, 1 << 20, &number);
            k->go = (int)number;
        } else if (strcmp(word, "--oom") == 0) {
            bad = read_number(value, -1000, 1000, &number);
            k->oom = (int)number;
        } else if (strcmp(word, "--log-limit") == 0) {
            bad = read_number(value, 0, 1LL << 50, &number);
            k->log_limit = (off_t)number;
        } else {
            bad = -1;
        }
        if (bad) {
            fprintf(stderr, "bit-keeper: %s %s: not an option and its value\n%s", word, value ? value : "", usage);
            return 64;
        }
    }
    k->command = words + i + 1;
    if (i + 1 >= count || !k->prefix || k->go < 0 || k->command[0][0] != '/') {
        fprintf(stderr, "bit-keeper: expected --attempt, --go, and after -- the absolute path of a program\n%s", usage);
        return 64;
    }
    return 0;
}

/* ---- this process ---- */

static void be_silent(int stream)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && null != stream) {
        dup2(null, stream);
        close(null);
    }
}

/* Descriptors of whoever started this would stay open for as long as the job runs. */
static void close_others(int keep)
{
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int number = (int)strtol(entry->d_name, NULL, 10);
        if (number > 2 && number != keep && number != dirfd(folder))
            close(number);
    }
    if (folder)
        closedir(folder);
}

static int settle(struct keeper *k)
{
    static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t set;
    for (int stream = 0; stream < 3; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            open("/dev/null", O_RDWR);
    be_silent(0);
    be_silent(1);
    close_others(k->go);
    fcntl(k->go, F_SETFD, FD_CLOEXEC);
    setsid(); /* fails for one that leads a session already, as wanted */
    k->umask = umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would reap */
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_SETMASK, &set, NULL);
    k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (k->signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
        perror("bit-keeper: cannot prepare itself");
        return 74;
    }
    k->self = keeper_identity(getpid());
    if (!k->self.start_ticks) {
        fprintf(stderr, "bit-keeper: /proc is not there\n");
        return 74;
    }
    return 0;
}

/* ---- signals and children ---- */

static void read_signals(struct keeper *k)
{
    struct signalfd_siginfo info;
    while (read(k->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
            case SIGTERM:
            case SIGINT:
            case SIGHUP: k->stop = k->end.asked = true; break;
            case SIGUSR1: k->save = true; break;
            case SIGUSR2: k->destroy = true; break;
            default: break; /* SIGCHLD: reap looks */
        }
    }
}

/* A program that has just begun has no handlers yet, and would die of a wish for a checkpoint: it waits until there is one, and is
 * dropped when there is none for long. */
static void pass_on(struct keeper *k)
{
    double time = now(CLOCK_MONOTONIC), age = time - k->started;
    if (k->destroy)
        keeper_signal_family(SIGKILL);
    if (k->stop && time - k->stopped >= REPEAT_SECONDS && (k->stopped > 0 || age > HANDLER_SECONDS || keeper_catches(k->program.pid, SIGTERM))) {
        kill(k->program.pid, SIGTERM);
        k->stopped = time;
    }
    if (k->save && keeper_catches(k->program.pid, SIGUSR1)) {
        kill(k->program.pid, SIGUSR1);
        k->save = false;
    } else if (age > HANDLER_SECONDS) {
        k->save = false;
    }
}

/* Milliseconds until pass_on or the log has something to do; -1: nothing. */
static int next_look(const struct keeper *k)
{
    if (k->destroy || k->save || (k->stop && k->stopped <= 0))
        return LOOK;
    return k->stop ? REPEAT_SECONDS * 1000 : k->log_limit ? TRIM_SECONDS * 1000 : -1;
}

/* Reaps what has ended. False: there are no children left, hence nothing below this process. */
static bool reap(struct keeper *k)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != k->program.pid)
            continue;
        k->program.pid = 0;
        k->end.killed = WIFSIGNALED(status);
        k->end.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (k->end.killed)
            snprintf(k->end.why, sizeof k->end.why, "%s was killed by signal %d (%s)", k->command[0], WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    }
    return pid == 0;
}

static void rest(struct keeper *k, int milliseconds)
{
    struct pollfd p = {.fd = k->signals, .events = POLLIN};
    poll(&p, 1, milliseconds);
    read_signals(k);
}

/* ---- the phases ---- */

/* True: bitd has this keeper's number on disk and says go. */
static bool wait_for_go(struct keeper *k)
{
    struct pollfd p[2] = {{.fd = k->go, .events = POLLIN}, {.fd = k->signals, .events = POLLIN}};
    char byte = 0;
    ssize_t got;
    for (;;) {
        if (poll(p, 2, -1) < 0)
            continue;
        read_signals(k);
        if (k->stop || k->destroy) {
            snprintf(k->end.why, sizeof k->end.why, "stopped before it began");
            return false;
        }
        if (!p[0].revents)
            continue;
        got = read(k->go, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got == 1 && byte == 'g')
            return true;
        snprintf(k->end.why, sizeof k->end.why, "bitd went away before it said go");
        return false;
    }
}

/* In the child. The errno of a failure goes through `report`. */
static void become_program(struct keeper *k, int report)
{
    char text[16];
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(k->umask);
    int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), size = snprintf(text, sizeof text, "%d", k->oom);
    if (oom >= 0 && write(oom, text, (size_t)size) < 0)
        dprintf(k->files.output, "bit-keeper: oom_score_adj %s: %s\n", text, strerror(errno));
    if (report == LOCK_NUMBER)
        report = fcntl(report, F_DUPFD_CLOEXEC, LOCK_NUMBER + 1);
    be_silent(0);
    if (dup2(k->files.output, 1) >= 0 && dup2(k->files.output, 2) >= 0) {
        /* Descriptors are not open at 9 by chance only: there, dup2 would do nothing, and leave close-on-exec. */
        if (k->files.lock == LOCK_NUMBER)
            fcntl(LOCK_NUMBER, F_SETFD, 0);
        if (k->files.lock == LOCK_NUMBER || dup2(k->files.lock, LOCK_NUMBER) >= 0)
            execve(k->command[0], k->command, environ);
    }
    int reason = errno;
    if (write(report, &reason, sizeof reason) < 0)
        _exit(126);
    _exit(127);
}

/* True: the program runs. */
static bool start_program(struct keeper *k)
{
    int report[2] = {-1, -1}, reason = 0;
    pid_t pid = pipe2(report, O_CLOEXEC) ? -1 : fork();
    if (pid == 0)
        become_program(k, report[1]);
    if (pid < 0) {
        reason = errno;
    } else {
        ssize_t got;
        close(report[1]);
        while ((got = read(report[0], &reason, sizeof reason)) < 0 && errno == EINTR)
            ;
        if (got != (ssize_t)sizeof reason)
            reason = 0;
        close(report[0]);
    }
    if (reason) {
        snprintf(k->end.why, sizeof k->end.why, "cannot start %.160s: %s", k->command[0], strerror(reason));
        if (pid > 0)
            waitpid(pid, NULL, 0);
        k->end.code = 127;
        return false;
    }
    k->end.ran = true;
    k->program = keeper_identity(pid);
    k->started = now(CLOCK_MONOTONIC);
    daemon_point(POINT_keeper_started);
    keeper_files_start(&k->files, &k->self, &k->program); /* a full disk: followed by the lock alone */
    daemon_point(POINT_keeper_wrote);
    return true;
}

static void follow_program(struct keeper *k)
{
    double trimmed = k->started;
    while (k->program.pid) {
        rest(k, next_look(k));
        reap(k);
        if (k->program.pid)
            pass_on(k);
        if (now(CLOCK_MONOTONIC) - trimmed >= TRIM_SECONDS) {
            keeper_files_trim_log(&k->files, k->log_limit);
            trimmed = now(CLOCK_MONOTONIC);
        }
    }
}

/* What outlives the program: mpirun and its ranks when bit-launch was killed. They get TERM, by which mpirun ends the ranks of all hosts,
 * and KILL when that does not help. */
static void end_orphans(struct keeper *k)
{
    double since = now(CLOCK_MONOTONIC);
    while (reap(k) && !k->destroy && now(CLOCK_MONOTONIC) - since < 1e-3 * LEAVE_MILLISECONDS)
        rest(k, LOOK);
    if (!reap(k))
        return;
    keeper_segments_note();
    k->end.orphans = keeper_signal_family(k->destroy ? SIGKILL : SIGTERM);
    since = now(CLOCK_MONOTONIC);
    while (reap(k)) {
        if (k->destroy || now(CLOCK_MONOTONIC) - since > TERM_SECONDS)
            keeper_signal_family(SIGKILL);
        rest(k, LOOK);
    }
    keeper_segments_remove();
    if (k->end.orphans)
        fprintf(stderr, "bit-keeper: ended %d process(es) that %s left behind\n", k->end.orphans, k->command[0]);
}

int main(int count, char **words)
{
    struct keeper k = {.go = -1, .oom = 500, .log_limit = 64 << 20, .end.code = -1};
    if (count == 2 && strcmp(words[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    int code = parse(&k, count, words);
    if (!code)
        code = settle(&k);
    if (!code)
        code = keeper_files_open(&k.files, k.prefix);
    daemon_point(POINT_keeper_locked);
    if (!code && keeper_files_start(&k.files, &k.self, &k.program))
        code = 74;
    if (code)
        return code;

    daemon_point(POINT_keeper_known);
    bool go = wait_for_go(&k);
    daemon_point(POINT_keeper_told);
    close(k.go);
    dup2(k.files.output, 2);
    k.end.begun = now(CLOCK_REALTIME);
    if (go && start_program(&k)) {
        follow_program(&k);
        daemon_point(POINT_keeper_ended);
        end_orphans(&k);
        daemon_point(POINT_keeper_cleaned);
    }
    k.end.ended = now(CLOCK_REALTIME);
    keeper_files_trim_log(&k.files, k.log_limit);
    code = keeper_files_end(&k.files, &k.self, &k.end) ? 74 : 0;
    daemon_point(POINT_keeper_leaves);
    return code;
}
