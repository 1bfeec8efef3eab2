/* Jobs on hosts of our own: bit-keeper beside each, which starts bit-launch. Each attempt's row is on disk before its keeper is made, and its
 * keeper's identity before that is told to go. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/engine.h"
#include "daemon/points.h"
#include "daemon/task.h"

enum { WORDS = 64 };

/* ---- the command and its surroundings ---- */

struct command {
    char *word[WORDS];
    int words;
    struct environment environment;
    char numbers[6][32], job_file[PATH_MAX], prefix[PATH_MAX], keeper[PATH_MAX + 16];
    cpu_set_t set;
    bool has_set;
};

static void add(struct command *c, const char *word)
{
    if (c->words < WORDS - 1)
        c->word[c->words++] = (char *)word;
}

static void build_cores(const struct job *job, struct command *c)
{
    const struct daemon *d = job->daemon;
    CPU_ZERO(&c->set);
    for (int i = 0; i < job->core_count; i++)
        for (int t = 0; t < d->core_threads[job->cores[i]]; t++)
            CPU_SET(d->core_list[job->cores[i]][t], &c->set);
    c->has_set = job->core_count > 0;
}

static bool is_here_only(const struct job *job)
{
    const char *hosts = job->row.attempt.hosts, *own = job->daemon->host, *colon = strrchr(hosts, ':');
    size_t size = colon ? (size_t)(colon - hosts) : 0;
    return strlen(own) == size && !strncmp(own, hosts, size);
}

static int build(const struct job *job, int go, struct command *c, struct bit_error *error)
{
    const struct daemon *d = job->daemon;
    const struct store_job *row = &job->row;
    snprintf(c->keeper, sizeof c->keeper, "%s/bit-keeper", d->config.programs);
    snprintf(c->job_file, sizeof c->job_file, "%.3900s/jobs/%lld.json", d->config.state, (long long)row->id);
    attempt_path(d, row->id, row->attempt.number, "", c->prefix);
    snprintf(c->numbers[0], sizeof c->numbers[0], "%d", go);
    snprintf(c->numbers[1], sizeof c->numbers[1], "%d", row->attempt.ranks);
    snprintf(c->numbers[2], sizeof c->numbers[2], "%d", row->threads);
    const char *const words[] = {c->keeper, "--attempt", c->prefix, "--go", c->numbers[0], "--", d->config.launch, c->job_file, "-n", c->numbers[1],
                                 "--threads", c->numbers[2], "--out", row->out, "--restarts", "0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(c, words[i]);
    if (!is_here_only(job)) {
        add(c, "--host");
        add(c, row->attempt.hosts);
    }
    /* A rank of its own core only where the job has the whole host: Open MPI counts from the host's first core, not from ours. */
    if (job->core_count < d->cores || d->cores == 0)
        add(c, "--no-bind");
    build_cores(job, c);
    return environment_build(d, &c->environment, error);
}

static void command_free(struct command *c)
{
    environment_free(&c->environment);
    bit_free(c);
}

/* ---- the keeper ---- */

/* In the child: nothing but system calls. */
static void become_keeper(const struct command *c)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (c->has_set)
        sched_setaffinity(0, sizeof c->set, &c->set);
    if (chdir("/"))
        _exit(126);
    execve(c->keeper, c->word, c->environment.variable);
    _exit(127);
}

static void keeper_ready(struct watch *watch) { engine_look(watch->context); }

static int follow(struct job *job, pid_t pid)
{
    struct daemon *d = job->daemon;
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    job->keeper = (struct watch){fd, keeper_ready, job};
    job->is_orphan = false;
    return daemon_watch(d, &job->keeper);
}

int engine_write_job(struct job *job, const char *path, struct bit_error *error)
{
    struct store_job whole;
    if (store_read_job(job->daemon->store, job->row.id, true, &whole, error))
        return -1;
    int result = bit_file_write_cache(path, whole.spec, strlen(whole.spec), error);
    store_job_free(&whole);
    return result;
}

/* The child's pid, with the write end of its pipe in job->go. */
static pid_t start_keeper(struct job *job, struct bit_error *error)
{
    int ends[2];
    pid_t pid = -1;
    struct command *c = bit_allocate(1, sizeof *c, "a command", error);
    if (!c || pipe2(ends, O_CLOEXEC)) {
        bit_free(c);
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot make a pipe");
    }
    fcntl(ends[0], F_SETFD, 0);
    if (build(job, ends[0], c, error) == 0 && engine_write_job(job, c->job_file, error) == 0) {
        if (access(c->keeper, X_OK))
            bit_fail_errno(error, BIT_EENVIRONMENT, "cannot run %s", c->keeper);
        else if ((pid = fork()) == 0)
            become_keeper(c);
        else if (pid < 0)
            bit_fail_errno(error, BIT_EENVIRONMENT, "cannot make a process");
    }
    close(ends[0]);
    command_free(c);
    if (pid < 0)
        close(ends[1]);
    else
        job->go = ends[1];
    return pid;
}

void engine_spawn(struct job *job)
{
    struct bit_error error = {0};
    struct store_attempt *attempt = &job->row.attempt;
    if (!engine_has_room(job)) {
        queue_feed(job, EVENT_ENDED, END_DISK_FULL, false, "too little room on the disk of its folder");
        return;
    }
    daemon_point(POINT_spawning);
    pid_t pid = start_keeper(job, &error);
    daemon_point(POINT_spawned);
    if (pid < 0) {
        bit_log(BIT_LOG_ERROR, "job %lld: %s", (long long)job->row.id, error.text);
        queue_feed(job, EVENT_NOT_STARTED, END_LOST, false, error.text);
        return;
    }
    attempt->pid = pid;
    attempt->start_ticks = process_start_ticks(pid);
    snprintf(attempt->boot, sizeof attempt->boot, "%s", job->daemon->boot);
    job->is_child = true;
    if (attempt->start_ticks == 0 || follow(job, pid)) {
        engine_abandon(job);
        waitpid(pid, NULL, 0);
        attempt->pid = 0;
        queue_feed(job, EVENT_NOT_STARTED, END_LOST, false, "its keeper ended at once");
        return;
    }
    queue_feed(job, EVENT_STARTED, 0, false, "");
    daemon_point(POINT_identified);
}

void engine_abandon(struct job *job)
{
    if (job->go >= 0)
        close(job->go);
    job->go = -1;
}

void engine_go(struct job *job)
{
    daemon_point(POINT_going);
    if (job->go >= 0 && write(job->go, "g", 1) != 1)
        bit_log(BIT_LOG_ERROR, "job %lld: its keeper does not listen", (long long)job->row.id);
    daemon_point(POINT_gone);
    engine_abandon(job);
}

static void tell(struct job *job, int signal_number)
{
    pid_t program;
    if (job->keeper.fd >= 0)
        pidfd_send_signal(job->keeper.fd, signal_number, NULL, 0);
    else if ((program = attempt_program(job)) > 0)
        kill(program, signal_number);
}

void engine_stop(struct job *job)
{
    daemon_point(POINT_stopping);
    tell(job, SIGTERM);
    daemon_point(POINT_asked);
}

void engine_save(struct job *job) { tell(job, SIGUSR1); }

void engine_forget(struct job *job)
{
    engine_abandon(job);
    if (job->keeper.fd >= 0) {
        daemon_unwatch(job->daemon, &job->keeper);
        close(job->keeper.fd);
        job->keeper.fd = -1;
    }
    if (job->is_child && waitpid((pid_t)job->row.attempt.pid, NULL, WNOHANG) == 0)
        bit_log(BIT_LOG_WARNING, "job %lld: its keeper is still there", (long long)job->row.id);
    job->is_child = job->is_orphan = false;
    job->progress.seconds_left = NAN;
}

/* ---- how an attempt ended ---- */

bool engine_has_room(const struct job *job)
{
    uint64_t bytes;
    struct bit_error ignored = {0};
    return bit_disk_free(job->row.out, &bytes, &ignored) || (double)bytes >= job->daemon->config.room;
}

bool engine_has_progressed(struct job *job)
{
    struct bit_outcome outcome;
    struct bit_error ignored = {0};
    struct store_attempt *attempt = &job->row.attempt;
    if (bit_outcome_read(job->row.out, &outcome, &ignored) || outcome.progress.checkpoint_step == BIT_RECORD_UNKNOWN)
        return false;
    attempt->step_after = (int64_t)outcome.progress.checkpoint_step;
    return attempt->step_after > (attempt->step_before == STORE_UNKNOWN ? 0 : attempt->step_before);
}

enum daemon_end engine_judge(struct job *job, int code, bool asked, bool ended, char *why)
{
    struct bit_end end;
    struct bit_error error = {0};
    struct store_attempt *attempt = &job->row.attempt;
    struct bit_end_facts facts = {.code = code, .before = attempt->mark, .asked = asked || job->row.life.wish != WISH_NONE, .ended = ended};
    daemon_point(POINT_judging);
    if (bit_end_judge(job->row.out, &facts, &end, &error)) {
        end = (struct bit_end){.action = BIT_END_AGAIN, .code = BIT_EENVIRONMENT};
        snprintf(end.why, sizeof end.why, "%.500s", error.text);
    }
    attempt->code = end.code;
    snprintf(why, STORE_WHY, "%s", end.why);
    if (code < 0 && end.code == BIT_EENVIRONMENT && end.action == BIT_END_AGAIN)
        return END_LOST;
    return daemon_end_of(&end, !engine_has_room(job));
}

/* record NULL: nobody saw the end. */
static void finish(struct job *job, const struct end_record *record)
{
    char why[STORE_WHY];
    const bool left_some = record && record->orphans > 0;
    /* Ranks save on the TERM by which a keeper ends what bit-launch left behind: nobody wished for that. */
    enum daemon_end end = engine_judge(job, record ? record->code : -1, record && record->asked, !record || left_some, why);
    if (left_some && job->row.attempt.code == BIT_ELATE && *record->why)
        snprintf(why, sizeof why, "%s", record->why);
    queue_feed(job, EVENT_ENDED, end, engine_has_progressed(job), why);
    daemon_point(POINT_judged);
}

static bool is_there(const struct job *job)
{
    struct pollfd p = {.fd = job->keeper.fd, .events = POLLIN};
    if (job->keeper.fd >= 0)
        return poll(&p, 1, 0) == 0;
    return process_start_ticks((pid_t)job->row.attempt.pid) == job->row.attempt.start_ticks;
}

static void leave_keeper(struct job *job)
{
    if (job->keeper.fd < 0)
        return;
    daemon_unwatch(job->daemon, &job->keeper);
    close(job->keeper.fd);
    job->keeper.fd = -1;
    if (job->is_child)
        waitpid((pid_t)job->row.attempt.pid, NULL, WNOHANG);
    job->is_child = false;
}

static void go_on_following(struct job *job, bool there)
{
    if (there && job->keeper.fd < 0 && follow(job, (pid_t)job->row.attempt.pid) == 0) {
        bit_log(BIT_LOG_INFO, "job %lld: adopted, process %lld", (long long)job->row.id, (long long)job->row.attempt.pid);
        daemon_point(POINT_adopted);
        if (job->row.life.state == STATE_STOPPING)
            engine_stop(job);
    } else if (!there) {
        if (!job->is_orphan)
            bit_log(BIT_LOG_WARNING, "job %lld: its keeper is gone, the run goes on", (long long)job->row.id);
        leave_keeper(job);
        job->is_orphan = true;
    }
}

void engine_look(struct job *job)
{
    const struct store_attempt *attempt = &job->row.attempt;
    const struct daemon *d = job->daemon;
    struct end_record record;
    bool is_this_boot = !strcmp(attempt->boot, d->boot), there = attempt->pid && is_this_boot && is_there(job);
    struct daemon_sight sight = {.has_identity = attempt->pid != 0, .is_alive = is_this_boot && (there || attempt_is_locked(job))};
    sight.has_record = attempt_read_end(job, &record);
    sight.ran = record.ran || record.code == 127; /* 127: it was told to go, and could not be run */
    if (!daemon_is_live(job->row.life.state))
        return;
    switch (daemon_find(&sight)) {
    case FOUND_ALIVE:
        go_on_following(job, there);
        break;
    case FOUND_ENDED:
        leave_keeper(job);
        if (record.ran)
            finish(job, &record);
        else
            queue_feed(job, EVENT_ENDED, END_ENVIRONMENT, false, record.why);
        break;
    case FOUND_LOST:
        leave_keeper(job);
        finish(job, NULL);
        break;
    case FOUND_NEVER_RAN:
        leave_keeper(job);
        queue_feed(job, job->row.life.state == STATE_STARTING ? EVENT_NOT_STARTED : EVENT_ENDED, END_NEVER_RAN, false, "");
    }
}

/* ---- while it runs ---- */

bool engine_progress(struct job *job)
{
    struct job_progress *p = &job->progress;
    uint64_t before = p->is_known ? p->outcome.progress.checkpoint_step : 0;
    struct timespec seen = p->seen;
    int64_t size = p->size;
    json_read_progress(job->row.out, p);
    if (p->seen.tv_sec == seen.tv_sec && p->seen.tv_nsec == seen.tv_nsec && p->size == size)
        return false;
    int64_t step = p->is_known && p->outcome.progress.checkpoint_step != BIT_RECORD_UNKNOWN ? (int64_t)p->outcome.progress.checkpoint_step : 0;
    if (p->outcome.progress.checkpoint_step != before && step > (job->row.attempt.step_before == STORE_UNKNOWN ? 0 : job->row.attempt.step_before))
        queue_feed(job, EVENT_PROGRESS, 0, true, "");
    return true;
}
