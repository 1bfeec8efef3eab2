/* Slurm in the simulation: a controller that is away at times, whose answers get lost, which queues jobs again, ends and forgets them; and what the
 * daemon knows of it. */
#include "simulate.h"

/* Slurm's side: jobs by their numbers. */
enum { SLURM_JOBS = 256, ARRIVES_WITHIN = 50 };
static struct slurm_job {
    enum { NOWHERE, ON_ITS_WAY, WAITING, RUNNING, ENDED } at; /* nowhere: never was, or forgotten */
    int job, attempt;
    double arrives, ended, saved;
    bool is_asked, has_record, will_arrive;
    struct slurm_record record; /* which lies in the run's folder, also when Slurm has forgotten the job */
    const char *word;
    enum daemon_end end;
} slurm_jobs[SLURM_JOBS];
static bool is_away; /* the controller */
/* The daemon's side: in memory only. */
static struct sight { double known, unsure; enum slurm_view view; int absences; bool has_answer, is_submitting, was_missed; double answer, answered; } sights[JOBS];static uint64_t handed_over;

bool slurm_is_away(void) { return is_away; }
uint64_t slurm_handed_over(void) { return handed_over; }
void forget_slurm(int job) { sights[job] = (struct sight){0}; }
void reload_slurm(int job) { sights[job] = (struct sight){.known = now, .unsure = memory[job].number ? 0 : now}; }

static bool is_alive_there(const struct slurm_job *s) { return s->at == ON_ITS_WAY || s->at == WAITING || s->at == RUNNING; }

bool lives_in_slurm(int job)
{
    for (int n = 1; n < SLURM_JOBS; n++)
        if (slurm_jobs[n].job == job && is_alive_there(&slurm_jobs[n]) && (slurm_jobs[n].at != ON_ITS_WAY || slurm_jobs[n].will_arrive))
            return true;
    return false;
}

void submit_to_slurm(int job)
{
    if (lives_in_slurm(job))
        die("it is handed over though it is there already", job);
    for (int n = 1; n < SLURM_JOBS; n++) {
        struct slurm_job *s = &slurm_jobs[n];
        if (s->at != NOWHERE || (memory[s->job].number == n || disk[s->job].number == n))
            continue;
        *s = (struct slurm_job){.at = ON_ITS_WAY, .job = job, .attempt = memory[job].attempt, .will_arrive = is_calm || chance(0.9),
                                .arrives = now + (chance(0.8) ? 0 : bit_random_uniform(&dice) * ARRIVES_WITHIN)};
        sights[job] = (struct sight){.is_submitting = true, .answer = now + (chance(0.8) ? 0 : bit_random_uniform(&dice) * 10)};
        handed_over++;
        return;
    }
    feed(job, EVENT_NOT_STARTED, END_LOST, false);
}

void stop_in_slurm(int job)
{
    struct slurm_job *s = &slurm_jobs[memory[job].number];
    if (!memory[job].number || is_away)
        return; /* the command is lost: it is asked again */
    if (s->at == RUNNING)
        s->is_asked = true;
    if (s->at == WAITING) {
        s->at = ENDED;
        s->word = "CANCELLED";
        s->end = END_LOST;
        s->ended = now;
    }
}

static void end_in_slurm(struct slurm_job *s)
{
    static const char *const words[] = {"CANCELLED", "PREEMPTED", "TIMEOUT", "NODE_FAIL", "FAILED", "COMPLETED"};
    bool good = is_calm || chance(0.6);
    s->at = ENDED;
    s->ended = now;
    s->end = s->is_asked ? END_STOPPED : is_calm ? END_DONE : (enum daemon_end)below(END_STOPPED);
    s->word = good ? "COMPLETED" : words[below(sizeof words / sizeof *words)];
    s->has_record = good || chance(0.3);
    s->record = (struct slurm_record){.code = 75, .gave_up = !good && chance(0.1), .by_slurm = !good && chance(0.2)};
}

void live_on_in_slurm(void)
{
    if (!is_away && !is_calm && chance(0.02))
        is_away = true;
    else if (is_away && (is_calm || chance(0.1)))
        is_away = false;
    for (int n = 1; n < SLURM_JOBS; n++) {
        struct slurm_job *s = &slurm_jobs[n];
        if (s->at == ON_ITS_WAY && now >= s->arrives)
            s->at = s->will_arrive && !is_away ? WAITING : NOWHERE;
        else if (s->at == WAITING && chance(0.3))
            s->at = RUNNING;
        else if (s->at == RUNNING && !is_calm && chance(0.05))
            s->at = WAITING; /* queued again */
        else if (s->at == RUNNING && chance(0.3))
            s->saved = now;
        else if (is_alive_there(s) && s->at != ON_ITS_WAY && chance(s->at == RUNNING ? (is_calm || s->is_asked ? 0.5 : 0.1) : is_calm ? 0 : 0.01))
            end_in_slurm(s);
        else if (s->at == ENDED && !is_away && now > s->ended + 5 && chance(0.3) && memory[s->job].number != n && disk[s->job].number != n)
            s->at = NOWHERE; /* its place may be taken: Slurm has forgotten it */
    }
}

static void take_number(int job, int number)
{
    memory[job].number = number;
    sights[job] = (struct sight){.known = now};
    feed(job, EVENT_HANDED_OVER, 0, false);
}

/* What sbatch said, where the daemon that began it lives. */
static void hear_of_submission(int job)
{
    struct sight *sight = &sights[job];
    if (!sight->is_submitting || now < sight->answer)
        return;
    *sight = (struct sight){.known = now, .unsure = now};
    for (int n = 1; n < SLURM_JOBS; n++) {
        struct slurm_job *s = &slurm_jobs[n];
        if (s->job != job || s->attempt != memory[job].attempt || s->at == NOWHERE || s->at == ON_ITS_WAY)
            continue;
        if (is_calm || chance(0.9))
            take_number(job, n);
        return; /* or the answer was lost */
    }
}

/* squeue's answer: numbers that are not known are found by name and attempt, the older first; strays are cancelled. */
static void find_by_name(int job)
{
    for (int n = 1; n < SLURM_JOBS; n++) {
        struct slurm_job *s = &slurm_jobs[n];
        if (s->job != job || s->at == NOWHERE || s->at == ON_ITS_WAY || n == memory[job].number)
            continue;
        if (s->attempt == memory[job].attempt && !memory[job].number && daemon_is_live(memory[job].life.state)) {
            if (!sights[job].is_submitting)
                take_number(job, n);
        } else if (is_alive_there(s)) {
            die("a stray lives in Slurm", job);
        }
    }
}

static void look_at_one(int job, bool is_answer)
{
    struct sight *sight = &sights[job];
    struct slurm_job *s = memory[job].number ? &slurm_jobs[memory[job].number] : NULL;
    bool has_record = s && s->at == ENDED && s->has_record, forgotten = s && s->at == ENDED && now > s->ended + 20;
    if (is_answer && now > sight->known) {
        sight->was_missed = !sight->was_missed && !is_calm && chance(0.02); /* left out of an answer, never of two in a row */
        sight->view = !s || forgotten || (sight->was_missed && s->at != ENDED) ? SLURM_ABSENT : s->at == WAITING ? SLURM_PENDING : s->at == RUNNING ? SLURM_RUNNING : SLURM_ENDED;
        sight->absences = sight->view == SLURM_PENDING || sight->view == SLURM_RUNNING ? 0 : sight->absences + 1;
        sight->has_answer = true;
        sight->answered = now;
    }
    struct daemon_slurm_sight seen = {.has_number = s != NULL, .has_answer = sight->has_answer && !sight->is_submitting, .view = sight->view,
                                      .absences = sight->absences, .unsure = sight->unsure > 0 ? sight->answered - sight->unsure : 0, .has_record = has_record};
    switch (daemon_find_slurm(&seen)) {
    case SLURM_FOUND_NOTHING:
        break;
    case SLURM_FOUND_WAITING:
        feed(job, EVENT_REQUEUED, 0, false);
        if (memory[job].life.state == STATE_STOPPING)
            stop_in_slurm(job);
        break;
    case SLURM_FOUND_RUNNING:
        if (memory[job].life.state == STATE_PENDING)
            feed(job, EVENT_STARTED, 0, false);
        break;
    case SLURM_FOUND_OVER:
        if (s->at != ENDED)
            die("it is taken for dead, and lives", job);
        feed(job, EVENT_ENDED, daemon_end_of_slurm(forgotten ? "" : s->word, has_record ? &s->record : NULL, s->end), s->saved > 0);
        break;
    case SLURM_FOUND_NEVER:
        if (lives_in_slurm(job))
            die("it has arrived, and is taken for lost", job);
        feed(job, EVENT_NOT_STARTED, chance(0.5) ? END_LOST : END_NEVER_RAN, false);
    }
}

void look_at_slurm(void)
{
    bool is_answer = !is_away && chance(0.5);
    for (int j = 0; j < JOBS; j++) {
        if (!memory[j].exists || !memory[j].is_slurm)
            continue;
        if (daemon_is_live(memory[j].life.state) && memory[j].life.state == STATE_STARTING)
            hear_of_submission(j);
        if (is_answer)
            find_by_name(j);
        if (daemon_is_live(memory[j].life.state))
            look_at_one(j, is_answer);
    }
}
