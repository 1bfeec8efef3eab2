/* The commands of Slurm: their words, and scancel, by which wishes are told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/slurm.h"
#include "daemon/task.h"

/* ---- words ---- */

void slurm_add_word(struct slurm_command *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(c->text + c->used, sizeof c->text - c->used, format, list);
    va_end(list);
    if (c->words == SLURM_WORDS || size < 0 || c->used + (size_t)size + 1 > sizeof c->text)
        return;
    c->word[c->words++] = c->text + c->used;
    c->used += (size_t)size + 1;
}

bool slurm_begin_command(const struct daemon *d, struct slurm_command *c, const char *name)
{
    *c = (struct slurm_command){0};
    if (!environment_find(d, name, c->program))
        return false;
    c->word[c->words++] = c->program;
    if (*d->config.slurm_cluster)
        slurm_add_word(c, "--clusters=%s", d->config.slurm_cluster);
    return true;
}

/* ---- scancel ---- */

/* Whom a scancel was for. */
struct cancellation { struct daemon *daemon; int64_t job; int attempt; };

static void cancelled(void *context, int code, const char *output, size_t size)
{
    struct cancellation c = *(struct cancellation *)context;
    struct job *job = queue_find(c.daemon, c.job);
    char line[256];
    (void)size;
    bit_free(context);
    slurm_last_line(output, line, sizeof line);
    if (code != 0 && *line)
        bit_log(BIT_LOG_DEBUG, "%s", line);
    if (job && job->row.attempt.number == c.attempt && job->slurm.cancelling > 0)
        job->slurm.cancelling--;
}

/* What it did is seen in squeue. By the name, too: a Slurm that lost its state gives numbers anew. attempt 0: nobody counts it. */
static bool start_scancel(struct daemon *d, int64_t job, int attempt, int64_t number, const char *how, const char *more)
{
    struct slurm_command c;
    struct bit_error error = {0};
    if (!slurm_begin_command(d, &c, "scancel"))
        return false;
    slurm_add_word(&c, "--name=bit-%s-%lld", d->slurm.instance, (long long)job);
    if (*how)
        slurm_add_word(&c, "%s", how);
    if (*more)
        slurm_add_word(&c, "%s", more);
    slurm_add_word(&c, "%lld", (long long)number);
    struct cancellation *context = bit_allocate(1, sizeof *context, "a command", &error);
    if (context) {
        *context = (struct cancellation){d, job, attempt};
        if (task_start(d, c.word, SLURM_ASK_SECONDS, cancelled, context, &error))
            return true;
        bit_free(context);
    }
    bit_log(BIT_LOG_WARNING, "%s", error.text);
    return false;
}

void slurm_cancel(struct daemon *d, int64_t job, int64_t number) { start_scancel(d, job, 0, number, "", ""); }

static void tell(struct job *job, const char *how, const char *more)
{
    const struct store_attempt *a = &job->row.attempt;
    job->slurm.cancelling += start_scancel(job->daemon, job->row.id, a->number, a->slurm_id, how, more);
}

/* ---- wishes ---- */

enum { FIRST_PAUSE = 2, LONGEST_PAUSE = 30 };

/* One that waits is cancelled; one that runs saves first (USR2 to the batch script alone), and is not queued again. Either may be lost on its
 * way, or come when there is nobody yet to hear it, and scancel tells nothing of that. So the wish is told again and again until the job's end is
 * seen; to the script one more USR2 means what the first did. */
void slurm_stop(struct job *job)
{
    struct job_slurm *s = &job->slurm;
    bool is_seen = s->has_answer;
    if (job->row.attempt.slurm_id <= 0)
        return;
    if (s->cancelling == 0) {
        if (!is_seen || s->view != SLURM_RUNNING)
            tell(job, "--state=PENDING", "");
        if (!is_seen || s->view != SLURM_PENDING)
            tell(job, "--batch", "--signal=USR2");
    }
    s->stop_pause = s->stop_pause > 0 ? 2 * s->stop_pause : FIRST_PAUSE;
    if (s->stop_pause > LONGEST_PAUSE)
        s->stop_pause = LONGEST_PAUSE;
    s->stop_due = daemon_now() + s->stop_pause;
    slurm_ask_soon(job->daemon, SLURM_SOON);
}

static bool is_stopping(const struct job *job)
{
    return job->row.engine == ENGINE_SLURM && job->row.life.state == STATE_STOPPING && job->row.attempt.slurm_id > 0 && !job->due;
}

void slurm_repeat_stops(struct daemon *d, double now)
{
    for (struct job *job = d->timed; job; job = job->next_timed)
        if (is_stopping(job) && now >= job->slurm.stop_due && d->slurm.silent <= 0)
            slurm_stop(job);
}

double slurm_next_stop(const struct daemon *d)
{
    double next = 0;
    for (const struct job *job = d->timed; job; job = job->next_timed)
        if (is_stopping(job) && d->slurm.silent <= 0 && (next <= 0 || job->slurm.stop_due < next))
            next = job->slurm.stop_due > 0 ? job->slurm.stop_due : daemon_now();
    return next;
}

void slurm_save(struct job *job)
{
    if (job->row.attempt.slurm_id > 0)
        start_scancel(job->daemon, job->row.id, 0, job->row.attempt.slurm_id, "--batch", "--signal=USR1");
}
