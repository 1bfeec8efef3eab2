/* Jobs that Slurm runs: bit-launch --slurm submits a batch script that keeps the run going within Slurm, one squeue an interval shows how all of
 * them stand, and the script's end record tells how it ended. That Slurm does not answer is never taken for an end. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/rebuild.h"
#include "daemon/slurm.h"
#include "daemon/task.h"

enum { ASK_SECONDS = 60, SUBMIT_SECONDS = 180, SOON = 5, AT_ONCE = 4, WORDS = 64, HOUR = 3600 };

static bool is_here(const struct job *job) { return job->row.engine == ENGINE_SLURM && daemon_is_live(job->row.life.state); }

/* The next question comes within `seconds`, and those after it are close again. */
static void ask_soon(struct daemon *d, double seconds)
{
    double due = daemon_now() + seconds;
    if (d->slurm.due <= 0 || due < d->slurm.due)
        d->slurm.due = due;
    d->slurm.pace = SOON;
}

int slurm_start(struct daemon *d, struct bit_error *error)
{
    unsigned char random[4];
    char *instance = d->slurm.instance;
    d->slurm.pace = SOON;
    if (store_get_meta(d->store, "instance", instance, sizeof d->slurm.instance, error))
        return -1;
    if (*instance)
        return 0;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "random numbers");
    for (int i = 0; i < 4; i++)
        snprintf(instance + 2 * i, 3, "%02x", random[i]);
    return store_set_meta(d->store, "instance", instance, error);
}

/* ---- commands ---- */

struct command { char *word[WORDS + 1]; int words; char program[PATH_MAX], text[2048]; size_t used; };

static void add(struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct command *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(c->text + c->used, sizeof c->text - c->used, format, list);
    va_end(list);
    if (c->words == WORDS || size < 0 || c->used + (size_t)size + 1 > sizeof c->text)
        return;
    c->word[c->words++] = c->text + c->used;
    c->used += (size_t)size + 1;
}

/* One of Slurm's own, of the cluster that the configuration names. */
static bool begin(const struct daemon *d, struct command *c, const char *name)
{
    *c = (struct command){0};
    if (!environment_find(d, name, c->program))
        return false;
    c->word[c->words++] = c->program;
    if (*d->config.slurm_cluster)
        add(c, "--clusters=%s", d->config.slurm_cluster);
    return true;
}

static void told(void *context, int code, const char *output, size_t size)
{
    char line[256];
    (void)context;
    (void)size;
    slurm_last_line(output, line, sizeof line);
    if (code != 0 && *line)
        bit_log(BIT_LOG_DEBUG, "%s", line);
}

/* scancel, whose word nobody waits for: what it did is seen in squeue. By the name, too: a Slurm that lost its state gives numbers anew. */
static void cancel(struct daemon *d, int64_t job, int64_t number, const char *how, const char *more)
{
    struct command c;
    struct bit_error error = {0};
    if (!begin(d, &c, "scancel"))
        return;
    add(&c, "--name=bit-%s-%lld", d->slurm.instance, (long long)job);
    if (*how)
        add(&c, "%s", how);
    if (*more)
        add(&c, "%s", more);
    add(&c, "%lld", (long long)number);
    if (!task_start(d, c.word, ASK_SECONDS, told, NULL, &error))
        bit_log(BIT_LOG_WARNING, "%s", error.text);
}

/* ---- submitting ---- */

/* A cap, should something go round in circles. */
static bool is_full(const struct daemon *d) { return d->slurm.submissions >= d->config.slurm_submissions; }

bool slurm_has_room(struct daemon *d)
{
    struct slurm *s = &d->slurm;
    double now = daemon_now();
    int submitting = 0;
    if (s->answered <= 0 || s->silent > 0) { /* the first word of it, or the next one, will tell */
        if (!s->asking && s->due <= 0)
            ask_soon(d, 0);
        return false;
    }
    if (now >= s->hour + HOUR || now < s->hour) {
        s->hour = now;
        s->submissions = 0;
    }
    for (const struct job *job = d->jobs; job; job = job->next)
        submitting += job->slurm.submitting != NULL || (job->row.engine == ENGINE_SLURM && job->row.life.state == STATE_STARTING);
    return submitting < AT_ONCE && !is_full(d);
}

static void number_known(struct job *job, int64_t number)
{
    job->row.attempt.slurm_id = number;
    job->slurm.known = daemon_now();
    job->slurm.unsure = 0;
    job->slurm.absences = 0;
    job->slurm.has_answer = false;
    bit_log(BIT_LOG_INFO, "job %lld: Slurm has it as job %lld", (long long)job->row.id, (long long)number);
    queue_feed(job, EVENT_HANDED_OVER, 0, false, "");
    rebuild_note(job);
    ask_soon(job->daemon, SOON);
}

struct submission { struct daemon *daemon; int64_t job; int attempt; };

static void submitted(void *context, int code, const char *output, size_t size)
{
    struct submission s = *(struct submission *)context;
    struct job *job = queue_find(s.daemon, s.job);
    int64_t number = code == 0 ? slurm_submitted(output) : -1;
    (void)size;
    bit_free(context);
    if (!job || job->row.attempt.number != s.attempt || job->row.life.state != STATE_STARTING)
        return; /* should it have arrived, it is seen as a stray */
    job->slurm.submitting = NULL;
    if (number > 0) {
        number_known(job, number);
        return;
    }
    char line[256];
    slurm_last_line(output, line, sizeof line);
    bool refused = slurm_was_refused(code, output);
    snprintf(job->slurm.refusal, sizeof job->slurm.refusal, "%s", !refused ? "" : *line ? line : "sbatch has given no number");
    job->slurm.known = daemon_now();
    job->slurm.unsure = job->slurm.known - (refused ? DAEMON_UNSURE : 0);
    bit_log(BIT_LOG_WARNING, "job %lld: its submission %s: %s", (long long)job->row.id, refused ? "was refused" : "may have failed", line);
    ask_soon(s.daemon, 0);
}

static void add_options(struct command *c, const char *words)
{
    char copy[STORE_WHY], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", words);
    while ((word = strsep(&rest, " \t")))
        if (*word && slurm_option_is_known(word))
            add(c, "%s", word);
}

static int submit(struct job *job, struct bit_error *error)
{
    const struct daemon *d = job->daemon;
    const struct store_job *row = &job->row;
    struct submission *s = bit_allocate(1, sizeof *s, "a submission", error);
    struct command *c = bit_allocate(1, sizeof *c, "a command", error);
    char job_file[PATH_MAX], ranks[32];
    snprintf(job_file, sizeof job_file, "%.4000s/bitd-job.json", row->out);
    snprintf(ranks, sizeof ranks, row->least == row->most ? "%d" : "%d-%d", row->least, row->most);
    int result = -1;
    if (s && c && bit_folder_create(row->out, error) == 0 && engine_write_job(job, job_file, error) == 0) {
        *s = (struct submission){job->daemon, row->id, row->attempt.number};
        const char *const words[] = {d->config.launch, job_file, "-n", ranks, "--out", row->out, "--slurm"};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            c->word[c->words++] = (char *)(uintptr_t)words[i];
        add(c, "--threads=%d", row->threads);
        add(c, "--lead=%d", d->config.slurm_lead);
        if (*d->config.slurm_cluster)
            add(c, "--clusters=%s", d->config.slurm_cluster);
        add_options(c, d->config.slurm_options);
        add_options(c, row->options);
        add(c, "--job-name=bit-%s-%lld", d->slurm.instance, (long long)row->id);
        add(c, "--comment=%d", row->attempt.number);
        add(c, "--dependency=singleton");
        job->slurm.submitting = task_start(job->daemon, c->word, SUBMIT_SECONDS, submitted, s, error);
        result = job->slurm.submitting ? 0 : -1;
    }
    bit_free(c);
    if (result)
        bit_free(s);
    return result;
}

void slurm_spawn(struct job *job)
{
    struct bit_error error = {0};
    job->slurm = (struct job_slurm){0};
    if (!engine_has_room(job)) {
        queue_feed(job, EVENT_ENDED, END_DISK_FULL, false, "too little room on the disk of its folder");
    } else if (submit(job, &error)) {
        bit_log(BIT_LOG_ERROR, "job %lld: %s", (long long)job->row.id, error.text);
        queue_feed(job, EVENT_NOT_STARTED, END_LOST, false, error.text);
    } else {
        job->daemon->slurm.submissions++;
    }
}

/* ---- wishes ---- */

/* One that waits is cancelled; one that runs saves first (USR2 to the batch script alone), and is not queued again. */
void slurm_stop(struct job *job)
{
    int64_t id = job->row.id, number = job->row.attempt.slurm_id;
    if (number <= 0)
        return;
    if (job->slurm.view != SLURM_RUNNING || !job->slurm.has_answer)
        cancel(job->daemon, id, number, "--state=PENDING", "");
    if (job->slurm.view != SLURM_PENDING || !job->slurm.has_answer)
        cancel(job->daemon, id, number, "--batch", "--signal=USR2");
    ask_soon(job->daemon, SOON);
}

void slurm_save(struct job *job)
{
    if (job->row.attempt.slurm_id > 0)
        cancel(job->daemon, job->row.id, job->row.attempt.slurm_id, "--batch", "--signal=USR1");
}

/* ---- what is known ---- */

static void finish(struct job *job, const struct slurm_record *record)
{
    char why[STORE_WHY], text[STORE_WHY];
    const char *state = job->row.attempt.slurm_state;
    enum slurm_view view;
    if (!slurm_view_of(state, &view) || view != SLURM_ENDED)
        state = "";
    enum daemon_end judged = engine_judge(job, record ? record->code : -1, record && record->by_slurm, !record, why);
    enum daemon_end end = daemon_end_of_slurm(state, record, judged);
    if (*state && end != END_DONE)
        snprintf(text, sizeof text, "Slurm's job %lld: %s%s%.440s", (long long)job->row.attempt.slurm_id, state, *why ? "; " : "", why);
    else
        memcpy(text, why, sizeof text);
    queue_feed(job, EVENT_ENDED, end, engine_has_progressed(job), text);
}

static void take_sight(struct job *job, const struct slurm_record *record)
{
    struct daemon *d = job->daemon;
    struct daemon_slurm_sight sight = {.has_number = job->row.attempt.slurm_id > 0, .has_answer = job->slurm.has_answer, .view = job->slurm.view,
                                       .absences = job->slurm.absences, .has_record = record != NULL,
                                       .unsure = job->slurm.unsure != 0 ? d->slurm.answered - job->slurm.unsure : 0};
    switch (daemon_find_slurm(&sight)) {
    case SLURM_FOUND_NOTHING:
        break;
    case SLURM_FOUND_WAITING:
        queue_feed(job, EVENT_REQUEUED, 0, false, "");
        if (job->row.life.state == STATE_STOPPING) /* it was queued again while it was asked to stop */
            slurm_stop(job);
        break;
    case SLURM_FOUND_RUNNING:
        if (job->row.life.state == STATE_PENDING)
            queue_feed(job, EVENT_STARTED, 0, false, "");
        break;
    case SLURM_FOUND_OVER:
        finish(job, record);
        break;
    case SLURM_FOUND_NEVER:
        queue_feed(job, EVENT_NOT_STARTED, *job->slurm.refusal ? END_LOST : END_NEVER_RAN, false,
                   *job->slurm.refusal ? job->slurm.refusal : "its submission did not arrive");
        break;
    }
    if (is_here(job) && (job->slurm.absences == 1 || job->row.attempt.slurm_id <= 0 || job->row.life.state == STATE_STOPPING))
        ask_soon(d, SOON);
}

void slurm_look_at_record(struct job *job)
{
    struct slurm_record record;
    if (is_here(job) && job->row.attempt.slurm_id > 0 && slurm_read_record(job->row.out, job->row.attempt.slurm_id, &record))
        take_sight(job, &record);
}

void slurm_look(struct job *job)
{
    job->slurm = (struct job_slurm){.known = daemon_now()};
    /* A submission that the former bitd began may still be on its way. */
    job->slurm.unsure = job->row.attempt.slurm_id > 0 ? 0 : job->slurm.known;
    ask_soon(job->daemon, 0);
    slurm_look_at_record(job);
    if (is_here(job))
        bit_log(BIT_LOG_INFO, "job %lld: adopted, Slurm's job %lld", (long long)job->row.id, (long long)job->row.attempt.slurm_id);
}

void slurm_forget(struct job *job)
{
    task_forget(job->slurm.submitting);
    job->slurm = (struct job_slurm){0};
    job->progress.seconds_left = NAN;
}

/* ---- squeue ---- */

/* A job of ours in Slurm that no live attempt knows: of a submission whose answer was lost. It is cancelled, unless it is what is looked for. */
static void take_stray(struct daemon *d, struct job *job, const struct slurm_line *line, enum slurm_view view)
{
    if (view == SLURM_ENDED || !strcmp(line->state, "COMPLETING"))
        return;
    if (job && is_here(job) && job->row.attempt.slurm_id <= 0 && line->attempt == job->row.attempt.number)
        return; /* its number will be known, by sbatch's answer or by ours */
    bit_log(BIT_LOG_WARNING, "Slurm's job %lld of job %lld is none that is waited for: it is cancelled", (long long)line->number, (long long)line->job);
    cancel(d, line->job, line->number, "", "");
}

static void see(struct job *job, const struct slurm_line *line, enum slurm_view view)
{
    struct store_attempt *a = &job->row.attempt;
    snprintf(a->slurm_state, sizeof a->slurm_state, "%s", line->state);
    snprintf(a->slurm_reason, sizeof a->slurm_reason, "%s", strcmp(line->reason, "None") ? line->reason : "");
    a->slurm_seen = job->daemon->slurm.asked;
    if (*line->nodes && view == SLURM_RUNNING)
        snprintf(a->hosts, sizeof a->hosts, "%s", line->nodes);
    job->slurm.view = view;
    job->slurm.shown = SLURM_SHOWN;
    job->slurm.absences = view == SLURM_ENDED ? job->slurm.absences + 1 : 0;
}

/* Those that are looked for by name and comment; of two the older. */
static void adopt_by_name(struct daemon *d, const char *text)
{
    struct slurm_line line;
    for (struct job *job = d->jobs; job; job = job->next) {
        job->slurm.shown = SLURM_NOT_SHOWN;
        job->slurm.found = 0;
    }
    while (slurm_next_line(&text, d->slurm.instance, &line)) {
        struct job *job = queue_find(d, line.job);
        if (job && is_here(job) && !job->slurm.submitting && job->row.attempt.slurm_id <= 0 && line.attempt == job->row.attempt.number &&
            (job->slurm.found == 0 || line.number < job->slurm.found))
            job->slurm.found = line.number;
    }
    for (struct job *job = d->jobs; job; job = job->next)
        if (job->slurm.found > 0)
            number_known(job, job->slurm.found);
}

static void take_answer(struct daemon *d, const char *text)
{
    struct slurm_line line;
    enum slurm_view view;
    adopt_by_name(d, text);
    while (slurm_next_line(&text, d->slurm.instance, &line)) {
        struct job *job = queue_find(d, line.job);
        bool known = slurm_view_of(line.state, &view);
        if (job && is_here(job) && job->row.attempt.slurm_id == line.number) {
            job->slurm.shown = SLURM_STRANGE;
            if (known)
                see(job, &line, view);
        } else if (known) {
            take_stray(d, job, &line, view);
        }
    }
}

/* Of a job that the answer could have shown. */
static void take_news(struct job *job)
{
    if (job->slurm.shown == SLURM_STRANGE)
        return;
    if (job->slurm.shown == SLURM_NOT_SHOWN && job->row.attempt.slurm_id > 0) {
        job->slurm.view = SLURM_ABSENT;
        job->slurm.absences++;
    }
    job->slurm.has_answer = true;
    take_sight(job, NULL);
}

static void set_silent(struct daemon *d, double since)
{
    d->slurm.silent = since;
    for (struct job *job = d->jobs; job; job = job->next)
        job->row.attempt.slurm_silent = is_here(job) ? since : 0;
}

static void answered(void *context, int code, const char *output, size_t size)
{
    struct daemon *d = context;
    struct slurm *s = &d->slurm;
    char line[256];
    double now = daemon_now();
    (void)size;
    s->asking = NULL;
    if (s->due <= 0 || now + s->pace < s->due)
        s->due = now + s->pace;
    s->pace = fmin(2 * s->pace, d->config.slurm_interval);
    if (code != 0) {
        slurm_last_line(output, line, sizeof line);
        if (s->silent <= 0) {
            set_silent(d, now);
            bit_log(BIT_LOG_WARNING, "Slurm does not answer (%s): its jobs stay as they were seen last", *line ? line : "it takes too long");
        }
        return;
    }
    if (s->silent > 0)
        bit_log(BIT_LOG_INFO, "Slurm answers again, after %.0f s", now - s->silent);
    d->must_schedule |= s->silent > 0 || s->answered <= 0;
    set_silent(d, 0);
    s->answered = s->asked;
    take_answer(d, output);
    for (struct job *job = d->jobs; job; job = job->next)
        if (is_here(job) && !job->slurm.submitting && s->answered >= job->slurm.known)
            take_news(job);
}

static bool has_questions(const struct daemon *d)
{
    for (const struct job *job = d->jobs; job; job = job->next)
        if (is_here(job) || (job->row.engine == ENGINE_SLURM && job->row.life.state == STATE_QUEUED && (d->slurm.answered <= 0 || d->slurm.silent > 0)))
            return true;
    return false;
}

static void ask(struct daemon *d)
{
    struct command c;
    struct bit_error error = {0};
    d->slurm.asked = daemon_now();
    if (begin(d, &c, "squeue")) {
        const char *const words[] = {"--noheader", "--states=all", "--me", "--format=" SLURM_FORMAT};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            add(&c, "%s", words[i]);
        d->slurm.asking = task_start(d, c.word, ASK_SECONDS, answered, d, &error);
    }
    if (!d->slurm.asking)
        answered(d, TASK_KILLED, *error.text ? error.text : "there is no squeue in PATH", 0);
}

void slurm_tick(struct daemon *d, double now)
{
    if (d->slurm.due > 0 && now >= d->slurm.due && !d->slurm.asking) {
        d->slurm.due = 0;
        if (has_questions(d))
            ask(d);
    }
    if (is_full(d) && now >= d->slurm.hour + HOUR) {
        d->slurm.submissions = 0;
        d->must_schedule = true;
    }
}

double slurm_next_due(const struct daemon *d)
{
    double due = d->slurm.asking ? 0 : d->slurm.due, next = is_full(d) ? d->slurm.hour + HOUR : 0;
    return due > 0 && (next <= 0 || due < next) ? due : next;
}
