/* The pure core against a world from a seed: a clock, a disk that keeps what was committed, keepers that wait for "go", run, save, hang,
 * die; a Slurm whose controller is away at times, whose answers get lost, which queues jobs again, ends and forgets them, and in which operators cancel
 * them; people who submit and wish; a daemon that is killed before a commit, after it, or in the midst of what follows from it. After each
 * event it is checked that
 *   - no job has two attempts that run, and none runs that the disk does not know of;
 *   - nothing is handed to Slurm while a former submission of the same job lives there or is on its way;
 *   - no acknowledged job is gone, and none leaves an end;
 *   - cores are never given twice;
 * and in the end, when the world behaves, that every job comes to an end.
 *     simulate [--events N] [--seed S] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulate.h"

enum { KEEPERS = 64, HOSTS = 2, CORES = 4, PENDING = 256 };

struct keeper {
    bool exists;
    int job, attempt;
    enum { WAITS, RUNS, RECORDED, VANISHED } state; /* recorded: its end lies on the disk; vanished: killed, nothing lies there */
    bool ran, asked, is_seen;   /* seen: the daemon follows it by pidfd */
    bool has_pipe;              /* the daemon that made it lives */
    enum daemon_end end;
    double saved;               /* time of its newest generation, 0: none */
};

struct row disk[JOBS], memory[JOBS];
static struct keeper keepers[KEEPERS];
static struct pending { int job; unsigned actions; } pending[PENDING];
static int pending_count;
static bool is_dirty;
bool is_calm;
double now = 1e9;
struct bit_random dice;
static uint64_t seed = 1, taken, crashes, starts, ends[DAEMON_STATES];

void die(const char *what, int job)
{
    printf("seed %llu, after %llu events: %s: job %d, %s (%s)\n", (unsigned long long)seed, (unsigned long long)taken, what, job,
           job >= 0 ? daemon_state_name(memory[job].life.state) : "", job >= 0 ? daemon_cause_name(memory[job].life.cause) : "");
    exit(1);
}

/* ---- the engine ---- */

static struct keeper *keeper_of(int job, int attempt)
{
    for (int k = 0; k < KEEPERS; k++)
        if (keepers[k].exists && keepers[k].job == job && keepers[k].attempt == attempt)
            return &keepers[k];
    return NULL;
}

static void spawn(int job)
{
    int attempt = memory[job].attempt;
    if (keeper_of(job, attempt))
        die("a second keeper for one attempt", job);
    if (chance(0.02) && !is_calm)
        return; /* fork failed, or it was killed at once: the daemon sees that no keeper is there */
    for (int k = 0; k < KEEPERS; k++)
        if (!keepers[k].exists) {
            keepers[k] = (struct keeper){.exists = true, .job = job, .attempt = attempt, .state = WAITS, .has_pipe = true, .is_seen = true};
            return;
        }
    die("too many keepers", job);
}

static void go(int job)
{
    struct keeper *k = keeper_of(job, memory[job].attempt);
    if (!k || k->state != WAITS || !k->has_pipe)
        return;
    if (!disk[job].has_identity || disk[job].attempt != k->attempt)
        die("something runs that the disk does not know", job);
    for (int i = 0; i < KEEPERS; i++)
        if (keepers[i].exists && keepers[i].job == job && keepers[i].state == RUNS)
            die("two attempts run", job);
    k->state = RUNS;
    k->ran = true;
    starts++;
}

static void record(struct keeper *k, enum daemon_end end)
{
    k->state = RECORDED;
    k->end = end;
}

/* ---- the daemon: transitions gather in memory until a commit; what follows from them is done after it ---- */

bool feed(int job, enum daemon_event event, enum daemon_end end, bool progressed)
{
    struct daemon_input input = {.event = event, .now = now, .end = end, .has_progressed = progressed};
    struct daemon_step step = daemon_next(&memory[job].life, &input);
    if (step.answer != ANSWER_TAKEN)
        return false;
    taken++;
    if (daemon_is_final(memory[job].life.state))
        die("it leaves its end", job);
    memory[job].life = step.life;
    if (step.actions & ACTION_CLOSE) {
        memset(memory[job].ranks, 0, sizeof memory[job].ranks);
        memory[job].has_identity = false;
        memory[job].since = now;
    }
    if (event == EVENT_STARTED)
        memory[job].has_identity = true;
    if (step.actions & ACTION_CLOSE) {
        memory[job].number = 0;
        forget_slurm(job);
    }
    is_dirty = true;
    if (step.actions && pending_count < PENDING)
        pending[pending_count++] = (struct pending){job, step.actions};
    return true;
}

static void load(void);

static void crash(void)
{
    crashes++;
    pending_count = 0;
    for (int k = 0; k < KEEPERS; k++)
        keepers[k].has_pipe = keepers[k].is_seen = false;
    load();
}

static void act(const struct pending *p)
{
    struct keeper *k = keeper_of(p->job, memory[p->job].attempt);
    if (memory[p->job].is_slurm) {
        if (p->actions & ACTION_SPAWN && memory[p->job].life.state == STATE_STARTING)
            submit_to_slurm(p->job);
        if (p->actions & ACTION_STOP)
            stop_in_slurm(p->job);
        return;
    }
    if (p->actions & ACTION_SPAWN) {
        spawn(p->job);
        if (keeper_of(p->job, memory[p->job].attempt))
            feed(p->job, EVENT_STARTED, 0, false);
        else
            feed(p->job, EVENT_NOT_STARTED, END_LOST, false);
    }
    if (p->actions & ACTION_GO)
        go(p->job);
    if (p->actions & ACTION_ABANDON && k)
        k->has_pipe = false;
    if (p->actions & ACTION_STOP && k)
        k->asked = true;
}

static void commit(void)
{
    struct pending now_due[PENDING];
    while (is_dirty || pending_count) {
        int count = pending_count;
        if (!is_calm && chance(0.01)) {
            crash();
            return;
        }
        for (int j = 0; j < JOBS; j++)
            if (disk[j].exists && !memory[j].exists)
                die("an acknowledged job is gone", j);
        memcpy(disk, memory, sizeof disk);
        is_dirty = false;
        memcpy(now_due, pending, sizeof now_due);
        pending_count = 0;
        for (int i = 0; i < count; i++) {
            if (!is_calm && chance(0.01)) {
                crash();
                return;
            }
            act(&now_due[i]);
        }
    }
}

/* The end of an attempt, as the daemon finds it. */
static void close_attempt(int job, struct keeper *k)
{
    struct daemon_sight sight = {.has_identity = memory[job].has_identity, .is_alive = k && (k->state == RUNS || (k->state == WAITS && k->has_pipe)),
                                 .has_record = k && k->state == RECORDED, .ran = k && k->ran};
    bool progressed = k && k->saved > 0;
    switch (daemon_find(&sight)) {
    case FOUND_ALIVE:
        k->is_seen = true;
        if (memory[job].life.state == STATE_STOPPING)
            k->asked = true;
        return;
    case FOUND_ENDED:
        feed(job, EVENT_ENDED, k->end, progressed);
        break;
    case FOUND_LOST:
        feed(job, EVENT_ENDED, END_LOST, progressed);
        break;
    case FOUND_NEVER_RAN:
        feed(job, memory[job].life.state == STATE_STARTING ? EVENT_NOT_STARTED : EVENT_ENDED, END_NEVER_RAN, false);
    }
}

static void load(void)
{
    memcpy(memory, disk, sizeof memory);
    is_dirty = false;
    for (int k = 0; k < KEEPERS; k++)
        if (keepers[k].exists && keepers[k].state == WAITS)
            record(&keepers[k], END_NEVER_RAN); /* its pipe has broken */
    for (int j = 0; j < JOBS; j++) {
        if (!memory[j].exists || !daemon_is_live(memory[j].life.state))
            continue;
        if (memory[j].is_slurm)
            reload_slurm(j);
        else
            close_attempt(j, keeper_of(j, memory[j].attempt));
    }
}

static void look_at_needs(void)
{
    for (int j = 0; j < JOBS; j++) {
        if (!memory[j].exists || memory[j].life.state != STATE_WAITING)
            continue;
        enum daemon_state other = memory[memory[j].needs].life.state;
        if (other == STATE_DONE)
            feed(j, EVENT_NEEDS_MET, 0, false);
        else if (daemon_is_final(other))
            feed(j, EVENT_NEEDS_FAILED, 0, false);
    }
}

static void schedule(void)
{
    struct schedule_host hosts[HOSTS];
    struct schedule_job jobs[JOBS];
    int count = 0;
    for (int h = 0; h < HOSTS; h++)
        hosts[h] = (struct schedule_host){.cores = CORES, .is_open = true};
    for (int j = 0; j < JOBS; j++) {
        const struct row *row = &memory[j];
        bool live = row->exists && daemon_is_live(row->life.state);
        if (row->exists && row->is_slurm && row->life.state == STATE_QUEUED && !slurm_is_away() && chance(0.5)) {
            memory[j].attempt++;
            if (!feed(j, EVENT_PLACED, 0, false))
                die("it cannot be handed over", j);
        }
        if (row->is_slurm)
            continue;
        if (!live && !(row->exists && row->life.state == STATE_QUEUED))
            continue;
        struct schedule_job *job = &jobs[count++];
        *job = (struct schedule_job){.id = j, .priority = row->priority, .waiting_since = row->since, .least = 1, .most = row->most,
                                     .threads = 1, .seconds_left = NAN, .is_running = live, .is_leaving = row->life.wish != WISH_NONE};
        memcpy(job->ranks, row->ranks, sizeof job->ranks);
        for (int h = 0; h < HOSTS; h++)
            hosts[h].used += row->ranks[h];
    }
    for (int h = 0; h < HOSTS; h++)
        if (hosts[h].used > CORES)
            die("cores were given twice", -1);
    schedule_run(hosts, HOSTS, jobs, count, now, 10);
    for (int i = 0; i < count; i++) {
        int j = (int)jobs[i].id;
        if (jobs[i].word == SCHEDULE_MAKES_ROOM)
            feed(j, EVENT_PREEMPT, 0, false);
        if (jobs[i].word != SCHEDULE_STARTS)
            continue;
        memory[j].attempt++;
        memcpy(memory[j].ranks, jobs[i].ranks, sizeof memory[j].ranks);
        if (!feed(j, EVENT_PLACED, 0, false))
            die("it cannot be placed", j);
    }
}

/* ---- the world ---- */

static enum daemon_end some_end(const struct keeper *k)
{
    if (is_calm)
        return k->asked ? END_STOPPED : END_DONE;
    if (k->asked && chance(0.8))
        return END_STOPPED;
    return chance(0.5) ? END_DONE : (enum daemon_end)below(END_NEVER_RAN);
}

static void live_on(struct keeper *k)
{
    if (k->state == WAITS) {
        if (!k->has_pipe)
            record(k, END_NEVER_RAN);
        else if (!is_calm && chance(0.05))
            k->state = VANISHED;
    } else if (k->state == RUNS) {
        if (chance(0.3))
            k->saved = now;
        if (chance(is_calm || k->asked ? 0.5 : 0.1))
            record(k, some_end(k));
        else if (!is_calm && chance(0.02))
            k->state = VANISHED;
        if (k->is_seen && k->saved == now && k->attempt == memory[k->job].attempt)
            feed(k->job, EVENT_PROGRESS, 0, false);
    }
    if (k->state != RECORDED && k->state != VANISHED)
        return;
    bool is_newest = k->attempt == memory[k->job].attempt && daemon_is_live(memory[k->job].life.state);
    if (is_newest && k->is_seen)
        close_attempt(k->job, k);
    else if (!is_newest && !(k->attempt == disk[k->job].attempt && daemon_is_live(disk[k->job].life.state)))
        k->exists = false; /* on record: its files may go */
}

static void submit(void)
{
    for (int j = 0; j < JOBS; j++) {
        if (memory[j].exists && !(daemon_is_final(memory[j].life.state) && daemon_is_final(disk[j].life.state)))
            continue;
        for (int i = 0; i < JOBS; i++)
            if (memory[i].exists && memory[i].needs == j && memory[i].life.has_needs && !daemon_is_final(memory[i].life.state))
                return; /* this place is needed to tell how its job ended */
        if (keeper_of(j, memory[j].attempt))
            return;
        ends[memory[j].life.state]++;
        int needs = chance(0.3) ? below(JOBS) : -1, attempt = memory[j].attempt;
        if (needs == j || (needs >= 0 && !memory[needs].exists))
            needs = -1;
        memory[j] = (struct row){.exists = true, .life = daemon_life_begin(needs >= 0, 0), .priority = below(30), .most = 1 + below(HOSTS * CORES),
                                 .needs = needs, .since = now, .attempt = attempt, .is_slurm = chance(0.4)};
        if (memory[j].is_slurm && lives_in_slurm(j))
            memory[j].is_slurm = false; /* of the job that had this place before: another name in the real one */
        is_dirty = true;
        return;
    }
}

/* It changes whose turn it is, and nothing else: not how long it has waited, and nothing of what runs. */
static void change_priority(int job, int priority)
{
    struct row before = memory[job];
    if (feed(job, EVENT_PRIORITY, 0, false))
        memory[job].priority = priority;
    else if (!daemon_is_final(before.life.state))
        die("its priority cannot be changed", job);
    before.priority = memory[job].priority;
    if (memcmp(&before, &memory[job], sizeof before) != 0)
        die("its priority has changed more than its place", job);
}

static void somebody_wishes(void)
{
    static const enum daemon_event wishes[] = {EVENT_PAUSE, EVENT_RESUME, EVENT_RESUME, EVENT_RESUME, EVENT_CANCEL, EVENT_CHECKPOINT, EVENT_DRAIN};
    int j = below(JOBS);
    if (memory[j].exists)
        feed(j, wishes[below(sizeof wishes / sizeof *wishes)], 0, false);
    j = below(JOBS);
    if (memory[j].exists && chance(0.5))
        change_priority(j, below(60) - 15);
}

static void pass_time(void)
{
    now += bit_random_uniform(&dice) * 10;
    for (int j = 0; j < JOBS; j++) {
        const struct daemon_life *life = &memory[j].life;
        if (memory[j].exists && life->due > 0 && life->due <= now)
            feed(j, life->state == STATE_BACKOFF ? EVENT_DUE : EVENT_NUDGE, 0, false);
        if (memory[j].exists && life->cause == CAUSE_DISK_FULL && chance(0.1))
            feed(j, EVENT_ROOM, 0, false);
    }
}

static void turn(void)
{
    pass_time();
    if (!is_calm && chance(0.5))
        submit();
    if (!is_calm && chance(0.3))
        somebody_wishes();
    for (int k = 0; k < KEEPERS; k++)
        if (keepers[k].exists)
            live_on(&keepers[k]);
    live_on_in_slurm();
    look_at_slurm();
    look_at_needs();
    schedule();
    commit();
}

static bool all_ended(void)
{
    bool all = true;
    for (int j = 0; j < JOBS; j++) {
        if (!memory[j].exists || daemon_is_final(memory[j].life.state))
            continue;
        all = false;
        if (memory[j].life.state == STATE_HELD)
            feed(j, EVENT_RESUME, 0, false);
    }
    return all;
}

int main(int argc, char **argv)
{
    uint64_t events = 50000;
    for (int a = 1; a + 1 < argc; a += 2) {
        if (!strcmp(argv[a], "--events"))
            events = strtoull(argv[a + 1], NULL, 10);
        else if (!strcmp(argv[a], "--seed"))
            seed = strtoull(argv[a + 1], NULL, 10);
    }
    bit_random_init(&dice, seed, BIT_PURPOSE_TEST, 0, 0);
    while (taken < events)
        turn();
    is_calm = true;
    int turns = 0;
    for (; turns < 10000 && !all_ended(); turns++)
        turn();
    for (int j = 0; j < JOBS; j++)
        if (memory[j].exists && !daemon_is_final(memory[j].life.state))
            die("it never ends", j);
    printf("seed %llu: %llu events, %llu starts, %llu in Slurm, %llu crashes; ended: %llu done, %llu failed, %llu cancelled; calm after %d turns\n",
           (unsigned long long)seed, (unsigned long long)taken, (unsigned long long)starts, (unsigned long long)slurm_handed_over(), (unsigned long long)crashes,
           (unsigned long long)ends[STATE_DONE], (unsigned long long)ends[STATE_FAILED], (unsigned long long)ends[STATE_CANCELLED], turns);
    return 0;
}
