/* What a job has left: its log, and by its row where its run's folder is, of which other files tell. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/memory.h"
#include "daemon/api.h"
#include "daemon/engine.h"

enum { LOG = 1 << 20 };

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

void api_log(struct request *r, int64_t id)
{
    struct store_job row;
    char path[PATH_MAX];
    int64_t number, from, limit;
    if (!api_query_number(r, "attempt", 1, INT32_MAX, 0, &number) || !api_query_number(r, "from", -(1LL << 50), 1LL << 50, 0, &from) ||
        !api_query_number(r, "limit", 1, LOG, LOG, &limit))
        return;
    if (!api_read_row(r, id, false, &row))
        return;
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

void api_job_folder(struct request *r, int64_t id)
{
    struct store_job row;
    if (!api_read_row(r, id, false, &row))
        return;
    api_folder(r, row.out);
    store_job_free(&row);
}

void api_job_report(struct request *r, int64_t id)
{
    struct store_job row;
    if (!api_read_row(r, id, false, &row))
        return;
    api_report(r, id, row.out);
    store_job_free(&row);
}

void api_picture(struct request *r, int64_t id, const char *number, bool of_mistake)
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

void api_job_curves(struct request *r, int64_t id)
{
    struct store_job row;
    if (!api_read_row(r, id, false, &row))
        return;
    api_curves(r, row.out);
    store_job_free(&row);
}
