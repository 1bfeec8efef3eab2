/* Server-sent events. A stream without data is suspended; one whose reader is slow is told to read everything anew instead of being kept
 * data for. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "daemon/http.h"

enum { BEAT_SECONDS = 15, BUFFER = 256 * 1024, BATCH = 1000 };

struct stream {
    struct stream *next;
    struct daemon *daemon;
    struct MHD_Connection *connection;
    struct bit_text text;
    size_t sent;
    int64_t last;           /* number of the newest event it has */
    bool is_suspended, is_ending;
    double beaten;
};

static int count(struct daemon *d)
{
    int n = 0;
    for (struct stream *s = *stream_list(d); s; s = s->next)
        n++;
    return n;
}

/* ---- what is sent ---- */

static void wake(struct stream *s)
{
    if (s->is_suspended && (s->is_ending || s->sent < s->text.size)) {
        s->is_suspended = false;
        MHD_resume_connection(s->connection);
        http_must_run(s->daemon);
    }
}

static void add_event(void *context, const struct store_event *event)
{
    struct stream *s = context;
    struct job *job = queue_find(s->daemon, event->job);
    s->last = event->id;
    bit_text_add(&s->text, "id: %lld\nevent: job\ndata: {\"id\":%lld,\"event\":\"%s\",\"name\":", (long long)event->id, (long long)event->job, event->name);
    bit_text_add_json(&s->text, job ? job->row.name : "");
    /* The context is an object of ours: {"state":...}; of a submission it is empty. */
    if (strlen(event->context) > 2)
        bit_text_add(&s->text, ",%s\n\n", event->context + 1);
    else
        bit_text_add(&s->text, ",\"state\":\"%s\"}\n\n", job ? daemon_state_name(job->row.life.state) : "queued");
}

static void limit_buffer(struct stream *s)
{
    if (s->text.size - s->sent <= BUFFER && !s->text.failed)
        return;
    bit_text_free(&s->text);
    s->sent = 0;
    s->last = store_last_event(s->daemon->store);
    bit_text_add(&s->text, "id: %lld\nevent: resync\ndata: {}\n\n", (long long)s->last);
}

static void fill(struct stream *s)
{
    struct bit_error ignored = {0};
    int64_t before;
    do {
        before = s->last;
        store_events(s->daemon->store, 0, s->last, BATCH, add_event, s, &ignored);
        limit_buffer(s);
    } while (s->last != before && s->last < store_last_event(s->daemon->store));
}

void stream_send(struct daemon *d)
{
    for (struct stream *s = *stream_list(d); s; s = s->next) {
        fill(s);
        wake(s);
    }
}

void stream_progress(struct daemon *d, const struct job *job)
{
    const struct job_progress *p = &job->progress;
    for (struct stream *s = *stream_list(d); s && p->is_known; s = s->next) {
        uint64_t step = p->outcome.progress.step, steps = p->outcome.progress.steps;
        if (step == BIT_RECORD_UNKNOWN || steps == BIT_RECORD_UNKNOWN)
            return;
        bit_text_add(&s->text, "event: progress\ndata: {\"id\":%lld,\"step\":%llu,\"steps\":%llu", (long long)job->row.id,
                     (unsigned long long)(p->loss_step > step ? p->loss_step : step), (unsigned long long)steps);
        bit_json_add_member(&s->text, "loss", p->loss, 6);
        bit_json_add_member(&s->text, "images_per_second", p->speed, 6);
        bit_text_add(&s->text, "}\n\n");
        limit_buffer(s);
        wake(s);
    }
}

void stream_shift_clock(struct daemon *d, double seconds)
{
    for (struct stream *s = *stream_list(d); s; s = s->next)
        s->beaten += seconds;
}

double stream_beat(struct daemon *d, double now)
{
    double wait = INFINITY;
    for (struct stream *s = *stream_list(d); s; s = s->next) {
        if (now >= s->beaten + BEAT_SECONDS) {
            bit_text_add(&s->text, ": \n\n");
            s->beaten = now;
            wake(s);
        }
        wait = s->beaten + BEAT_SECONDS - now < wait ? s->beaten + BEAT_SECONDS - now : wait;
    }
    return wait;
}

/* ---- the connection ---- */

static ssize_t give(void *context, uint64_t position, char *buffer, size_t size)
{
    struct stream *s = context;
    size_t left = s->text.size - s->sent;
    (void)position;
    if (s->is_ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0) {
        s->is_suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    size = left < size ? left : size;
    memcpy(buffer, s->text.data + s->sent, size);
    s->sent += size;
    if (s->sent == s->text.size) {
        bit_text_free(&s->text);
        s->text = (struct bit_text){0};
        s->sent = 0;
    }
    return (ssize_t)size;
}

static void end(void *context)
{
    struct stream *s = context;
    for (struct stream **place = stream_list(s->daemon); *place; place = &(*place)->next)
        if (*place == s) {
            *place = s->next;
            break;
        }
    bit_text_free(&s->text);
    bit_free(s);
}

struct MHD_Response *stream_create(struct daemon *d, struct MHD_Connection *connection, int64_t after)
{
    struct bit_error ignored = {0};
    struct stream *s = count(d) < HTTP_STREAMS ? bit_allocate(1, sizeof *s, "a stream", &ignored) : NULL;
    if (!s)
        return NULL;
    s->daemon = d;
    s->connection = connection;
    s->last = after < 0 ? store_last_event(d->store) : after;
    s->beaten = daemon_now();
    bit_text_add(&s->text, "retry: 2000\n\n");
    fill(s);
    s->next = *stream_list(d);
    *stream_list(d) = s;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, give, s, end);
}

void stream_stop(struct daemon *d)
{
    for (struct stream *s = *stream_list(d); s; s = s->next) {
        s->is_ending = true;
        wake(s);
    }
}
