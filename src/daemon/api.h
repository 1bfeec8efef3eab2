/* The interface /api/v1 without HTTP's bytes: a request that was read, and its answer. See README.md. */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "daemon/daemon.h"

enum { API_QUERY = 8, API_PRIORITY = 1000000 /* the largest, and the least is minus that */, API_BODY = 64 * 1024, API_SUBMISSION = (1 << 20) + 64 * 1024 };

struct request {
    struct daemon *daemon;
    const char *method, *url;          /* the path, decoded, without the query */
    struct { const char *name, *value; } query[API_QUERY];
    int queries;
    bool is_local;                     /* came by the Unix socket */
    char *body;
    size_t size;
    /* The answer: */
    int status;
    const char *type;                  /* NULL: application/json */
    struct bit_text text;              /* its body */
    const struct page_file *page;      /* or one of the page's files */
    int64_t next;                      /* header Bit-Next; -1: none */
    bool is_stream;                    /* server-sent events after number `after` instead */
    int64_t after;
};

/* Answers; what it changes waits for the commit. Never fails: a failure is an answer, too. */
void api_answer(struct request *request);
/* {"error": text} with a status. */
void api_fail(struct request *request, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void api_fail_error(struct request *request, const struct bit_error *error); /* status by its class */
/* The row of a job, to be freed with store_job_free; false, and answered, when there is none. */
bool api_read_row(struct request *request, int64_t id, bool with_spec, struct store_job *row);
/* The value of ?name=, NULL: not there. */
const char *api_query(const struct request *request, const char *name);
/* The same as a whole number from least to most; false, and answered, when it is none. */
bool api_query_number(struct request *request, const char *name, int64_t least, int64_t most, int64_t missing, int64_t *value);

/* api_jobs.c */
void api_job(struct request *request, int64_t id);
void api_jobs(struct request *request);
void api_children(struct request *request, int64_t id);
void api_queue(struct request *request);
void api_attempts(struct request *request, int64_t id);
void api_job_events(struct request *request, int64_t id);
/* api_files.c */
void api_log(struct request *request, int64_t id);
void api_job_folder(struct request *request, int64_t id);
void api_job_report(struct request *request, int64_t id);
void api_job_curves(struct request *request, int64_t id);
void api_picture(struct request *request, int64_t id, const char *number, bool of_mistake);
/* api_wishes.c */
void api_checkpoint(struct request *request, int64_t id);
void api_pause(struct request *request, int64_t id);
void api_resume(struct request *request, int64_t id);
void api_cancel(struct request *request, int64_t id);
void api_priority(struct request *request, int64_t id);
/* api_daemon.c */
void api_hosts(struct request *request);
void api_set_host(struct request *request, const char *name, bool drain);
void api_about(struct request *request);
void api_backup(struct request *request);

/* submit.c */
struct bit_json_object;
/* A whole number of an object that is taken apart; *value stays when it is missing or null. */
int api_take_whole(struct bit_json_object *o, const char *key, int64_t least, int64_t most, int64_t *value);
void api_submit(struct request *request);
void api_rerun(struct request *request, int64_t id);
/* curves.c */
void api_curves(struct request *request, const char *out);
/* folder.c */
void api_folder(struct request *request, const char *out);
/* thumbnail.c */
void api_thumbnail(struct request *request, int64_t id, int64_t number, const char *out);
/* The same of mistake `number` of its report. */
void api_mistake(struct request *request, int64_t id, int64_t number);
/* What its predictions say: bit report --json. */
void api_report(struct request *request, int64_t id, const char *out);
/* prometheus.c */
void api_prometheus(struct request *request);

#endif
