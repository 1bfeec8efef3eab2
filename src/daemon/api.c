/* Which function answers what path. */
#include "daemon/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/text.h"
#include "daemon/page.h"
#include "daemon/sweep.h"

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

bool api_read_row(struct request *r, int64_t id, bool with_spec, struct store_job *row)
{
    struct bit_error error = {0};
    if (store_read_job(r->daemon->store, id, with_spec, row, &error) == 0)
        return true;
    api_fail_error(r, &error);
    return false;
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
    {"GET", "/api/v1/about", api_about}, {"GET", "/api/v1/jobs", api_jobs}, {"POST", "/api/v1/jobs", api_submit},
    {"GET", "/api/v1/queue", api_queue}, {"GET", "/api/v1/hosts", api_hosts}, {"GET", "/api/v1/events", events_stream},
    {"POST", "/api/v1/api_backup", api_backup}, {"GET", "/metrics", api_prometheus},
};
static const struct { const char *method, *verb; void (*run)(struct request *r, int64_t id); } of_jobs[] = {
    {"GET", "", api_job}, {"GET", "/attempts", api_attempts}, {"GET", "/events", api_job_events}, {"GET", "/log", api_log},
    {"GET", "/curves", api_job_curves}, {"GET", "/folder", api_job_folder}, {"GET", "/children", api_children}, {"GET", "/sweep", api_sweep}, {"GET", "/report", api_job_report},
    {"POST", "/checkpoint", api_checkpoint}, {"POST", "/pause", api_pause},
    {"POST", "/resume", api_resume}, {"POST", "/cancel", api_cancel}, {"POST", "/rerun", api_rerun}, {"POST", "/priority", api_priority},
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
        api_picture(r, id, verb + 12, false);
        return true;
    }
    if (!errno && !strncmp(verb, "/mistakes/", 10) && !strcmp(r->method, "GET")) {
        api_picture(r, id, verb + 10, true);
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
        api_set_host(r, name, !strcmp(verb, "/drain"));
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
