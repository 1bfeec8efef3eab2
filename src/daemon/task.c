/* Commands beside bitd: a pidfd tells their end, a pipe what they print. */
#include "daemon/task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"

enum { OUTPUT_LIMIT = 8 << 20, PIECE = 16384 };

struct task {
    struct task *next;
    struct daemon *daemon;
    struct watch process, pipe;
    pid_t pid;
    double until;                /* Unix seconds */
    bool is_killed, is_over;     /* over: freed by the next tick, for the loop may still hold what points to it */
    char *output;
    size_t size, capacity;
    task_done *done;
    void *context;
};

/* ---- what it gets ---- */

static int add_variable(struct environment *e, const char *name, const char *value, struct bit_error *error)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = e->count < ENVIRONMENT_WORDS ? bit_allocate(1, size, "a variable", error) : NULL;
    if (!text)
        return -1;
    snprintf(text, size, "%s=%s", name, value);
    e->variable[e->count++] = text;
    return 0;
}

/* Only what is named here: bash, MPI and Slurm's commands obey many variables. */
int environment_build(const struct daemon *d, struct environment *e, struct bit_error *error)
{
    static const char *const usual[] = {"HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "BIT_BIN", "BIT_ISA", "MPIRUN", "SLURM_CONF"};
    *e = (struct environment){0};
    if (add_variable(e, "PATH", d->config.path, error))
        return -1;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (getenv(usual[i]) && add_variable(e, usual[i], getenv(usual[i]), error))
            return -1;
    for (int i = 0; i < d->config.environment_count; i++)
        if (getenv(d->config.environment[i]) && add_variable(e, d->config.environment[i], getenv(d->config.environment[i]), error))
            return -1;
    return getenv("BIT_BIN") ? 0 : add_variable(e, "BIT_BIN", d->config.programs, error);
}

void environment_free(struct environment *e)
{
    for (int i = 0; i < e->count; i++)
        bit_free(e->variable[i]);
    e->count = 0;
}

bool environment_find(const struct daemon *d, const char *name, char path[PATH_MAX])
{
    char copy[sizeof d->config.path], *rest = copy, *folder;
    memcpy(copy, d->config.path, sizeof copy);
    while ((folder = strsep(&rest, ":")))
        if (*folder == '/' && snprintf(path, PATH_MAX, "%.3900s/%.100s", folder, name) < PATH_MAX && access(path, X_OK) == 0)
            return true;
    return false;
}

/* ---- its end ---- */

/* False: there is no more, for now or for ever. */
static bool take_piece(struct task *t)
{
    char piece[PIECE];
    errno = 0;
    ssize_t got = read(t->pipe.fd, piece, sizeof piece);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    if (t->size + (size_t)got + 1 > t->capacity && t->capacity < OUTPUT_LIMIT) {
        size_t capacity = 2 * t->capacity + PIECE + 1;
        char *more = realloc(t->output, capacity);
        if (more) {
            t->output = more;
            t->capacity = capacity;
        }
    }
    size_t room = t->capacity > t->size ? t->capacity - t->size - 1 : 0, take = (size_t)got < room ? (size_t)got : room;
    if (take)
        memcpy(t->output + t->size, piece, take);
    t->size += take;
    return true;
}

static void close_watch(struct task *t, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    daemon_unwatch(t->daemon, watch);
    close(watch->fd);
    watch->fd = -1;
}

static void pipe_ready(struct watch *watch)
{
    struct task *t = watch->context;
    if (t->is_over || watch->fd < 0)
        return;
    while (take_piece(t))
        ;
    if (errno != EAGAIN)
        close_watch(t, &t->pipe); /* nobody writes any more: its end is told by the process */
}

static void process_ready(struct watch *watch)
{
    struct task *t = watch->context;
    int status = 0;
    if (t->is_over || waitpid(t->pid, &status, WNOHANG) != t->pid)
        return;
    while (t->pipe.fd >= 0 && take_piece(t))
        ;
    close_watch(t, &t->pipe);
    close_watch(t, &t->process);
    t->is_over = true;
    if (t->output)
        t->output[t->size] = 0;
    if (t->done)
        t->done(t->context, t->is_killed || !WIFEXITED(status) ? TASK_KILLED : WEXITSTATUS(status), t->output ? t->output : "", t->size);
}

void task_forget(struct task *task)
{
    if (task)
        task->done = NULL;
}

void task_tick(struct daemon *d, double now)
{
    for (struct task **place = &d->tasks; *place;) {
        struct task *t = *place;
        if (!t->is_over && now >= t->until) {
            kill(-t->pid, SIGKILL);
            t->is_killed = true;
            t->until = now + 5;
        }
        if (!t->is_over) {
            place = &t->next;
            continue;
        }
        *place = t->next;
        free(t->output);
        bit_free(t);
    }
}

double task_next_due(const struct daemon *d)
{
    double next = 0;
    for (const struct task *t = d->tasks; t; t = t->next)
        if (next == 0 || t->until < next)
            next = t->until;
    return next;
}

/* ---- its start ---- */

/* In the child: system calls only. */
static void become(char *const *words, const struct environment *e, int output)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || chdir("/"))
        _exit(126);
    if (null > 2)
        close(null);
    execve(words[0], words, e->variable);
    _exit(127);
}

static int watch_both(struct task *t, int output)
{
    t->process = (struct watch){pidfd_open(t->pid, 0), process_ready, t};
    t->pipe = (struct watch){output, pipe_ready, t};
    if (t->process.fd < 0)
        return -1;
    fcntl(t->process.fd, F_SETFD, FD_CLOEXEC);
    fcntl(output, F_SETFL, O_NONBLOCK);
    return daemon_watch(t->daemon, &t->process) || daemon_watch(t->daemon, &t->pipe) ? -1 : 0;
}

struct task *task_start(struct daemon *d, char *const *words, double seconds, task_done *done, void *context, struct bit_error *error)
{
    struct environment e;
    int ends[2];
    struct task *t = bit_allocate(1, sizeof *t, "a command", error);
    if (!t || environment_build(d, &e, error)) {
        bit_free(t);
        return NULL;
    }
    if (pipe2(ends, O_CLOEXEC)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot make a pipe");
        environment_free(&e);
        bit_free(t);
        return NULL;
    }
    *t = (struct task){.next = d->tasks, .daemon = d, .pid = fork(), .until = daemon_now() + seconds, .done = done, .context = context,
                       .process.fd = -1, .pipe.fd = -1};
    if (t->pid == 0)
        become(words, &e, ends[1]);
    close(ends[1]);
    environment_free(&e);
    if (t->pid < 0 || watch_both(t, ends[0])) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot start %s", words[0]);
        if (t->pid > 0) {
            kill(-t->pid, SIGKILL);
            waitpid(t->pid, NULL, 0);
        }
        close_watch(t, &t->process);
        close(ends[0]);
        bit_free(t);
        return NULL;
    }
    d->tasks = t;
    return t;
}
