/* What each path of the interface does. */
#include "daemon/api.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "daemon/engine.h"
#include "daemon/task.h"
#include "daemon/page.h"
#include "daemon/sweep.h"

enum { LIST = 200, LOG = 1 << 20, NUMBER = 17 };

/* ---- answers ---- */

void api_fail(struct request *r, int status, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bit_text_free(&r->text);
    r->status = status;
    bit_text_add(&r->text, "{\"error\":");
    bit_text_add_json(&r->text, text);
    bit_text_add(&r->text, "}\n");
}

void api_fail_error(struct request *r, const struct bit_error *error)
{
    int status = error->code == BIT_ENOINPUT ? 404 : error->code == BIT_EUSAGE ? 422 : error->code == BIT_EDATA ? 400 : 503;
    api_fail(r, status, "%s", error->text);
}

const char *api_query(const struct request *r, const char *name)
{
    for (int i = 0; i < r->queries; i++)
        if (!strcmp(r->query[i].name, name))
            return r->query[i].value ? r->query[i].value : "";
    return NULL;
}

bool api_query_number(struct request *r, const char *name, int64_t least, int64_t most, int64_t missing, int64_t *value)
{
    const char *text = api_query(r, name);
    char *end;
    errno = 0;
    *value = text ? strtoll(text, &end, 10) : missing;
    if (!text || (end != text && !*end && !errno && *value >= least && *value <= most))
        return true;
    api_fail(r, 400, "%s: expected a whole number from %lld to %lld", name, (long long)least, (long long)most);
    return false;
}

/* ---- jobs ---- */

/* Of a job in memory what is known of it now; of another what its folder says. */
static bool add_job(struct request *r, int64_t id, bool with_progress)
{
    struct bit_error error = {0};
    struct job *job = queue_find(r->daemon, id);
    struct job_progress progress = {.speed = NAN, .seconds_left = NAN, .loss = NAN};
    struct store_job row;
    if (job && daemon_is_live(job->row.life.state) && with_progress)
        engine_progress(job);
    if (job && (job->sweep || job->progress.is_known || !with_progress)) {
        json_job(&r->text, &job->row, &job->progress);
        return true;
    }
    if (!job && store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return false;
    }
    if (with_progress)
        json_read_progress(job ? job->row.out : row.out, &progress);
    json_job(&r->text, job ? &job->row : &row, &progress);
    if (!job)
        store_job_free(&row);
    return true;
}

static void get_job(struct request *r, int64_t id)
{
    if (add_job(r, id, true))
        bit_text_add(&r->text, "\n");
}

static void add_jobs(struct request *r, const int64_t *ids, int count, bool with_progress)
{
    for (int i = 0; i < count; i++) {
        bit_text_add(&r->text, i ? "," : "");
        if (!add_job(r, ids[i], with_progress))
            return;
    }
}

/* Bits of the states in a list with commas; 0 when one does not exist. */
static unsigned states_of(const char *text)
{
    char copy[256], *rest = copy, *word;
    unsigned states = 0;
    if (!text)
        return ~0U;
    snprintf(copy, sizeof copy, "%s", text);
    while ((word = strsep(&rest, ","))) {
        int state = daemon_state_parse(word);
        if (!strcmp(word, "active"))
            states |= (1U << STATE_DONE) - 1;
        else if (state < 0)
            return 0;
        else
            states |= 1U << state;
    }
    return states;
}

static int list_active(const struct daemon *d, unsigned states, int64_t before, int limit, int64_t *ids)
{
    int count = 0;
    for (const struct job *job = d->jobs; job; job = job->next) {
        if (!(states & 1U << job->row.life.state) || (before > 0 && job->row.id >= before))
            continue;
        if (count == limit) /* ascending: the newest are wanted */
            memmove(ids, ids + 1, (size_t)--count * sizeof *ids);
        ids[count++] = job->row.id;
    }
    for (int i = 0; i < count / 2; i++) {
        int64_t swap = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = swap;
    }
    return count;
}

static void get_jobs(struct request *r)
{
    const unsigned final = 1U << STATE_DONE | 1U << STATE_FAILED | 1U << STATE_CANCELLED;
    struct bit_error error = {0};
    int64_t ids[LIST], before, limit;
    unsigned states = states_of(api_query(r, "state"));
    if (!states) {
        api_fail(r, 400, "state: expected states with commas between them, or active");
        return;
    }
    if (!api_query_number(r, "before", 1, INT64_MAX, 0, &before) || !api_query_number(r, "limit", 1, LIST, 50, &limit))
        return;
    int count = states & final ? store_list(r->daemon->store, states, before, (int)limit, ids, &error)
                               : list_active(r->daemon, states, before, (int)limit, ids);
    if (count < 0) {
        api_fail_error(r, &error);
        return;
    }
    bit_text_add(&r->text, "{\"jobs\":[");
    add_jobs(r, ids, count, false);
    if (count == limit)
        bit_text_add(&r->text, "],\"before\":%lld}\n", (long long)ids[count - 1]);
    else
        bit_text_add(&r->text, "],\"before\":null}\n");
}

static void get_children(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    int64_t ids[LIST];
    int count = store_children(r->daemon->store, id, LIST, ids, &error);
    bit_text_add(&r->text, "{\"children\":[");
    add_jobs(r, ids, count < 0 ? 0 : count, true);
    bit_text_add(&r->text, "]}\n");
}

static void get_queue(struct request *r)
{
    int count;
    struct schedule_job *list = queue_order(r->daemon, &count);
    const char *comma = "";
    bit_text_add(&r->text, "{\"jobs\":[");
    for (int i = 0; list && i < count; i++) {
        bit_text_add(&r->text, "%s", comma);
        comma = ",";
        add_job(r, list[i].id, false);
    }
    bit_free(list);
    for (const struct job *job = r->daemon->jobs; job; job = job->next) {
        bool listed = job->row.engine == ENGINE_LOCAL && !job->is_kept_back && (job->row.life.state == STATE_QUEUED || daemon_is_live(job->row.life.state));
        if (listed)
            continue;
        bit_text_add(&r->text, "%s", comma);
        comma = ",";
        add_job(r, job->row.id, false);
    }
    bit_text_add(&r->text, "]}\n");
}

static void get_attempts(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return;
    }
    bit_text_add(&r->text, "{\"attempts\":[");
    for (int n = row.attempt.number > LIST ? row.attempt.number - LIST + 1 : 1; n <= row.attempt.number; n++) {
        struct store_attempt attempt;
        if (store_read_attempt(r->daemon->store, id, n, &attempt, &error))
            continue;
        bit_text_add(&r->text, r->text.data[r->text.size - 1] == '[' ? "" : ",");
        json_attempt(&r->text, &attempt);
    }
    bit_text_add(&r->text, "]}\n");
    store_job_free(&row);
}

static void add_event(void *context, const struct store_event *event)
{
    struct bit_text *t = context;
    bit_text_add(t, "%s{\"id\":%lld,\"job\":%lld", t->data[t->size - 1] == '[' ? "" : ",", (long long)event->id, (long long)event->job);
    bit_json_add_member(t, "time", event->time, NUMBER);
    bit_text_add(t, ",\"name\":\"%s\",\"context\":%s}", event->name, event->context);
}

static void get_events(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    int64_t after;
    if (!api_query_number(r, "after", 0, INT64_MAX, 0, &after))
        return;
    bit_text_add(&r->text, "{\"events\":[");
    if (store_events(r->daemon->store, id, after, 1000, add_event, &r->text, &error))
        api_fail_error(r, &error);
    else
        bit_text_add(&r->text, "]}\n");
}

/* ---- logs ---- */

static void send_log(struct request *r, int file, int64_t from, int64_t limit)
{
    struct stat status;
    if (fstat(file, &status) || !S_ISREG(status.st_mode)) {
        api_fail(r, 503, "the log cannot be read");
        return;
    }
    int64_t start = from < 0 ? status.st_size + from : from;
    start = start < 0 ? 0 : start > status.st_size ? status.st_size : start;
    int64_t size = status.st_size - start < limit ? status.st_size - start : limit;
    char *data = bit_allocate((size_t)size + 1, 1, "a log", NULL);
    ssize_t got = data ? pread(file, data, (size_t)size, start) : -1;
    if (got < 0) {
        bit_free(data);
        api_fail(r, 503, "the log cannot be read");
        return;
    }
    r->text = (struct bit_text){.data = data, .size = (size_t)got, .capacity = (size_t)size + 1};
    r->type = "text/plain; charset=utf-8";
    r->next = start + got;
}

/* Of a job of Slurm's it is the batch script's, which lies in its folder. */
static void find_log(struct daemon *d, const struct store_job *row, int number, char path[PATH_MAX])
{
    struct store_attempt attempt;
    struct bit_error ignored = {0};
    attempt_path(d, row->id, number, ".log", path);
    if (number && row->engine == ENGINE_SLURM && store_read_attempt(d->store, row->id, number, &attempt, &ignored) == 0 && attempt.slurm_id > 0)
        snprintf(path, PATH_MAX, "%.4000s/slurm-%lld.log", row->out, (long long)attempt.slurm_id);
}

static void get_log(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    char path[PATH_MAX];
    int64_t number, from, limit;
    if (!api_query_number(r, "attempt", 1, INT32_MAX, 0, &number) || !api_query_number(r, "from", -(1LL << 50), 1LL << 50, 0, &from) ||
        !api_query_number(r, "limit", 1, LOG, LOG, &limit))
        return;
    if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return;
    }
    number = number ? number : row.attempt.number;
    find_log(r->daemon, &row, (int)number, path);
    store_job_free(&row);
    int file = number ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (file < 0) {
        api_fail(r, 404, "job %lld has no log of attempt %lld", (long long)id, (long long)number);
        return;
    }
    send_log(r, file, from, limit);
    close(file);
}

static void get_folder(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return;
    }
    api_folder(r, row.out);
    store_job_free(&row);
}

static void get_report(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return;
    }
    api_report(r, id, row.out);
    store_job_free(&row);
}

static void get_thumbnail(struct request *r, int64_t id, const char *number, bool of_mistake)
{
    struct bit_error error = {0};
    struct store_job row;
    char *end;
    errno = 0;
    long long n = strtoll(number, &end, 10);
    if (*number < '1' || *number > '9' || *end || errno) {
        api_fail(r, 404, "there is nothing at this path");
    } else if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
    } else {
        if (of_mistake)
            api_mistake(r, id, n);
        else
            api_thumbnail(r, id, n, row.out);
        store_job_free(&row);
    }
}

static void get_curves(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    if (store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return;
    }
    api_curves(r, row.out);
    store_job_free(&row);
}

/* ---- wishes ---- */

static void wish(struct request *r, int64_t id, enum daemon_event event, const char *verb)
{
    struct bit_error error = {0};
    struct store_job row;
    struct job *job = queue_find(r->daemon, id);
    if (!job) {
        if (store_read_job(r->daemon->store, id, false, &row, &error)) {
            api_fail_error(r, &error);
            return;
        }
        api_fail(r, 409, "job %lld is %s: nothing to %s", (long long)id, daemon_state_name(row.life.state), verb);
        store_job_free(&row);
        return;
    }
    if (job->sweep ? !sweep_wish(job, event) : queue_feed(job, event, 0, false, "") != ANSWER_TAKEN) {
        api_fail(r, 409, "job %lld is %s%s%s: %s makes no sense now", (long long)id, daemon_state_name(job->row.life.state),
                 job->row.life.wish ? ", to " : "", job->row.life.wish ? daemon_wish_name(job->row.life.wish) : "", verb);
        return;
    }
    json_job(&r->text, &job->row, &job->progress);
    bit_text_add(&r->text, "\n");
}

static void checkpoint_job(struct request *r, int64_t id) { wish(r, id, EVENT_CHECKPOINT, "checkpoint"); }
static void pause_job(struct request *r, int64_t id) { wish(r, id, EVENT_PAUSE, "pause"); }
static void resume_job(struct request *r, int64_t id) { wish(r, id, EVENT_RESUME, "resume"); }
static void cancel_job(struct request *r, int64_t id) { wish(r, id, EVENT_CANCEL, "cancel"); }

/* ---- hosts and the daemon ---- */

static void add_host(struct request *r, int h)
{
    static const char *const states[] = {"open", "draining"};
    const struct daemon_host *host = &r->daemon->host_list[h];
    const char *comma = "";
    bit_text_add(&r->text, "{\"name\":");
    bit_text_add_json(&r->text, host->name);
    bit_text_add(&r->text, ",\"cores\":%d,\"free\":%d,\"state\":\"%s\"", host->cores, hosts_free(r->daemon, h), states[host->state]);
    bit_json_add_member(&r->text, "since", host->since > 0 ? host->since : NAN, NUMBER);
    bit_text_add(&r->text, ",\"jobs\":[");
    for (const struct job *job = r->daemon->jobs; job; job = job->next)
        if (job->hosts[h]) {
            bit_text_add(&r->text, "%s%lld", comma, (long long)job->row.id);
            comma = ",";
        }
    bit_text_add(&r->text, "]}");
}

/* null where there is none. */
static void add_slurm(struct request *r)
{
    const struct daemon *d = r->daemon;
    char path[PATH_MAX];
    int running = 0, pending = 0;
    if (!environment_find(d, "squeue", path)) {
        bit_text_add(&r->text, "null");
        return;
    }
    for (const struct job *job = d->jobs; job; job = job->next) {
        pending += job->row.life.state == STATE_PENDING;
        running += job->row.engine == ENGINE_SLURM && (job->row.life.state == STATE_RUNNING || job->row.life.state == STATE_STOPPING);
    }
    bit_text_add(&r->text, "{\"default\":%s,\"running\":%d,\"pending\":%d", d->config.engine == ENGINE_SLURM ? "true" : "false", running, pending);
    bit_json_add_member(&r->text, "answered", d->slurm.answered > 0 ? d->slurm.answered : NAN, NUMBER);
    bit_json_add_member(&r->text, "silent", d->slurm.silent > 0 ? d->slurm.silent : NAN, NUMBER);
    bit_text_add(&r->text, "}");
}

static void get_hosts(struct request *r)
{
    bit_text_add(&r->text, "{\"hosts\":[");
    for (int h = 0; h < r->daemon->hosts; h++) {
        bit_text_add(&r->text, h ? "," : "");
        add_host(r, h);
    }
    bit_text_add(&r->text, "],\"slurm\":");
    add_slurm(r);
    bit_text_add(&r->text, "}\n");
}

static void set_host(struct request *r, const char *name, bool drain)
{
    struct bit_error error = {0};
    if (hosts_set_state(r->daemon, name, drain, &error)) {
        api_fail_error(r, &error);
        return;
    }
    for (int h = 0; h < r->daemon->hosts; h++)
        if (!strcmp(r->daemon->host_list[h].name, name))
            add_host(r, h);
    bit_text_add(&r->text, "\n");
}

/* How the page is reached: for bit page. */
static void add_ways(struct request *r)
{
    const struct daemon_config *c = &r->daemon->config;
    char path[PATH_MAX];
    bool is_any = !strncmp(c->listen, "0.0.0.0:", 8) || !strncmp(c->listen, "[::]:", 5);
    snprintf(path, sizeof path, "%.4000s/token", c->state);
    bit_text_add(&r->text, ",\"socket\":");
    bit_text_add_json(&r->text, c->socket);
    bit_text_add(&r->text, ",\"address\":");
    bit_text_add_json(&r->text, is_any && c->allowed_count ? c->allowed[0] : c->listen);
    bit_text_add(&r->text, ",\"token_file\":");
    bit_text_add_json(&r->text, *c->listen ? path : "");
}

static void get_about(struct request *r)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    int64_t counts[DAEMON_STATES];
    if (store_count_states(d->store, counts, &error)) {
        api_fail_error(r, &error);
        return;
    }
    bit_text_add(&r->text, "{\"version\":\"%s\",\"host\":", PACKAGE_VERSION);
    bit_text_add_json(&r->text, d->host);
    bit_text_add(&r->text, ",\"uid\":%u,\"pid\":%ld", (unsigned)getuid(), (long)getpid());
    bit_json_add_member(&r->text, "started", d->started, NUMBER);
    bit_json_add_member(&r->text, "now", daemon_now(), NUMBER);
    if (r->is_local)
        add_ways(r);
    bit_text_add(&r->text, ",\"states\":{");
    for (int s = 0; s < DAEMON_STATES; s++)
        bit_text_add(&r->text, "%s\"%s\":%lld", s ? "," : "", daemon_state_name((enum daemon_state)s), (long long)counts[s]);
    bit_text_add(&r->text, "},\"store_bytes\":%lld}\n", (long long)store_bytes(d->store));
}

static void backup(struct request *r)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    struct stat status = {0};
    char path[PATH_MAX], temporary[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/backup.db", d->config.state);
    snprintf(temporary, sizeof temporary, "%.4000s/backup.db.tmp", d->config.state);
    unlink(temporary);
    if (store_is_dirty(d->store) && store_commit(d->store, &error))
        daemon_give_up(d, &error);
    if (store_backup(d->store, temporary, &error)) {
        api_fail_error(r, &error);
        return;
    }
    if (rename(temporary, path) || stat(path, &status)) {
        api_fail(r, 503, "cannot rename %s", temporary);
        return;
    }
    bit_text_add(&r->text, "{\"bytes\":%lld}\n", (long long)status.st_size);
}

static void events_stream(struct request *r)
{
    int64_t after;
    if (!api_query_number(r, "after", 0, INT64_MAX, -1, &after))
        return;
    r->is_stream = true;
    r->after = after;
}

/* ---- paths ---- */

static const struct { const char *method, *path; void (*run)(struct request *r); } plain[] = {
    {"GET", "/api/v1/about", get_about}, {"GET", "/api/v1/jobs", get_jobs}, {"POST", "/api/v1/jobs", api_submit},
    {"GET", "/api/v1/queue", get_queue}, {"GET", "/api/v1/hosts", get_hosts}, {"GET", "/api/v1/events", events_stream},
    {"POST", "/api/v1/backup", backup}, {"GET", "/metrics", api_prometheus},
};
static const struct { const char *method, *verb; void (*run)(struct request *r, int64_t id); } of_jobs[] = {
    {"GET", "", get_job}, {"GET", "/attempts", get_attempts}, {"GET", "/events", get_events}, {"GET", "/log", get_log},
    {"GET", "/curves", get_curves}, {"GET", "/folder", get_folder}, {"GET", "/children", get_children}, {"GET", "/sweep", api_sweep}, {"GET", "/report", get_report},
    {"POST", "/checkpoint", checkpoint_job}, {"POST", "/pause", pause_job},
    {"POST", "/resume", resume_job}, {"POST", "/cancel", cancel_job}, {"POST", "/rerun", api_rerun},
};

static void refuse_method(struct request *r) { api_fail(r, 405, "%s cannot be done here", r->method); }

static bool answer_plain(struct request *r)
{
    bool found = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(r->url, plain[i].path)) {
            found = true;
            if (!strcmp(r->method, plain[i].method)) {
                plain[i].run(r);
                return true;
            }
        }
    if (found)
        refuse_method(r);
    return found;
}

static bool answer_job(struct request *r, const char *rest)
{
    char *verb;
    bool found = false;
    if (*rest < '1' || *rest > '9')
        return false;
    errno = 0;
    int64_t id = strtoll(rest, &verb, 10);
    for (size_t i = 0; !errno && i < sizeof of_jobs / sizeof *of_jobs; i++)
        if (!strcmp(verb, of_jobs[i].verb)) {
            found = true;
            if (!strcmp(r->method, of_jobs[i].method)) {
                of_jobs[i].run(r, id);
                return true;
            }
        }
    if (!errno && !strncmp(verb, "/quarantine/", 12) && !strcmp(r->method, "GET")) {
        get_thumbnail(r, id, verb + 12, false);
        return true;
    }
    if (!errno && !strncmp(verb, "/mistakes/", 10) && !strcmp(r->method, "GET")) {
        get_thumbnail(r, id, verb + 10, true);
        return true;
    }
    if (found)
        refuse_method(r);
    return found;
}

static bool answer_host(struct request *r, const char *rest)
{
    char name[64];
    const char *verb = strchr(rest, '/');
    if (!verb || (size_t)(verb - rest) >= sizeof name || (strcmp(verb, "/drain") != 0 && strcmp(verb, "/open") != 0))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(verb - rest), rest);
    if (strcmp(r->method, "POST") != 0)
        refuse_method(r);
    else
        set_host(r, name, !strcmp(verb, "/drain"));
    return true;
}

void api_answer(struct request *r)
{
    r->status = 200;
    if (!strcmp(r->method, "GET") && (r->page = page_find(r->url)) != NULL)
        return;
    if (answer_plain(r) || (!strncmp(r->url, "/api/v1/jobs/", 13) && answer_job(r, r->url + 13)) ||
        (!strncmp(r->url, "/api/v1/hosts/", 14) && answer_host(r, r->url + 14)))
        return;
    api_fail(r, 404, "there is nothing at this path");
}
