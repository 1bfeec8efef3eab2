/* Handing jobs over to Slurm: bit-launch --slurm, whose sbatch tells the number. */
#include <stdio.h>
#include <string.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/rebuild.h"
#include "daemon/slurm.h"
#include "daemon/task.h"

enum { SUBMIT_SECONDS = 180, AT_ONCE = 4, HOUR = 3600 };

/* ---- how many ---- */

/* A cap, should something go round in circles. */
static bool is_full(const struct daemon *d) { return d->slurm.submissions >= d->config.slurm_submissions; }

bool slurm_has_room(struct daemon *d)
{
    struct slurm *s = &d->slurm;
    double now = daemon_now();
    int submitting = 0;
    if (s->answered <= 0 || s->silent > 0) { /* the first word of it, or the next one, will tell */
        if (!s->asking && s->due <= 0)
            slurm_ask_soon(d, 0);
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

double slurm_next_room(const struct daemon *d) { return is_full(d) ? d->slurm.hour + HOUR : 0; }

void slurm_renew_room(struct daemon *d, double now)
{
    if (is_full(d) && now >= d->slurm.hour + HOUR) {
        d->slurm.submissions = 0;
        d->must_schedule = true;
    }
}

/* ---- the answer ---- */

void slurm_number_known(struct job *job, int64_t number)
{
    job->row.attempt.slurm_id = number;
    job->slurm.known = daemon_now();
    job->slurm.unsure = 0;
    job->slurm.absences = 0;
    job->slurm.has_answer = false;
    bit_log(BIT_LOG_INFO, "job %lld: Slurm has it as job %lld", (long long)job->row.id, (long long)number);
    queue_feed(job, EVENT_HANDED_OVER, 0, false, "");
    rebuild_note(job);
    slurm_ask_soon(job->daemon, SLURM_SOON);
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
    s.daemon->must_schedule = true; /* others may have waited for this submission to be over */
    if (number > 0) {
        slurm_number_known(job, number);
        return;
    }
    char line[256];
    slurm_last_line(output, line, sizeof line);
    bool refused = slurm_was_refused(code, output);
    if (refused)
        *job->row.attempt.cores = 0; /* fewer ranks a node may need more nodes than there are: the next start is without */
    snprintf(job->slurm.refusal, sizeof job->slurm.refusal, "%s", !refused ? "" : *line ? line : "sbatch has given no number");
    job->slurm.known = daemon_now();
    job->slurm.unsure = job->slurm.known - (refused ? DAEMON_UNSURE : 0);
    bit_log(BIT_LOG_WARNING, "job %lld: its submission %s: %s", (long long)job->row.id, refused ? "was refused" : "may have failed", line);
    slurm_ask_soon(s.daemon, 0);
}

/* ---- the submission ---- */

static void add_options(struct slurm_command *c, const char *words)
{
    char copy[STORE_WHY], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", words);
    while ((word = strsep(&rest, " \t")))
        if (*word && slurm_option_is_known(word))
            slurm_add_word(c, "%s", word);
}

static int submit(struct job *job, struct bit_error *error)
{
    const struct daemon *d = job->daemon;
    const struct store_job *row = &job->row;
    struct submission *s = bit_allocate(1, sizeof *s, "a submission", error);
    struct slurm_command *c = bit_allocate(1, sizeof *c, "a command", error);
    char job_file[PATH_MAX], ranks[32];
    snprintf(job_file, sizeof job_file, "%.4000s/bitd-job.json", row->out);
    snprintf(ranks, sizeof ranks, row->least == row->most ? "%d" : "%d-%d", row->least, row->most);
    int result = -1;
    if (s && c && bit_folder_create(row->out, error) == 0 && engine_write_job(job, job_file, error) == 0) {
        *s = (struct submission){job->daemon, row->id, row->attempt.number};
        const char *const words[] = {d->config.launch, job_file, "-n", ranks, "--out", row->out, "--slurm"};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            c->word[c->words++] = (char *)(uintptr_t)words[i];
        slurm_add_word(c, "--threads=%d", row->threads);
        slurm_add_word(c, "--lead=%d", d->config.slurm_lead);
        if (*d->config.slurm_cluster)
            slurm_add_word(c, "--clusters=%s", d->config.slurm_cluster);
        add_options(c, d->config.slurm_options);
        add_options(c, row->options);
        if (*row->attempt.cores) /* a former start ended for want of memory */
            slurm_add_word(c, "--ntasks-per-node=%s", row->attempt.cores);
        slurm_add_word(c, "--job-name=bit-%s-%lld", d->slurm.instance, (long long)row->id);
        slurm_add_word(c, "--comment=%d", row->attempt.number);
        slurm_add_word(c, "--dependency=singleton");
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
    snprintf(job->slurm.mark, sizeof job->slurm.mark, "%s", job->row.attempt.mark);
    if (!engine_has_room(job)) {
        queue_feed(job, EVENT_ENDED, END_DISK_FULL, false, "too little room on the disk of its folder");
    } else if (submit(job, &error)) {
        bit_log(BIT_LOG_ERROR, "job %lld: %s", (long long)job->row.id, error.text);
        queue_feed(job, EVENT_NOT_STARTED, END_LOST, false, error.text);
    } else {
        job->daemon->slurm.submissions++;
    }
}
