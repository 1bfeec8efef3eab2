/* The file is a JSON array of events, one a line. Each turn overwrites the closing bracket with more events and another
 * bracket in one write, so that a run that dies leaves a whole file. */
#include "bit/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/host.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/trace.h"

struct bit_timeline {
    struct bit_group *world;
    char path[PATH_MAX];
    int file;                /* rank 0's; else -1 */
    off_t end;               /* where the closing bracket stands */
    double origin;           /* time 0 of the timeline, on this rank's clock */
    uint64_t from, count;
};

static const char closing[] = "\n]\n";

static int put(struct bit_timeline *t, const char *text, size_t size, struct bit_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(t->file, text + done, size - done, t->end + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", t->path);
        done += (size_t)n;
    }
    t->end += (off_t)(size - strlen(closing));
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All leave a barrier at about the same time; the middle of some rounds is within a few messages' latencies of it. The clocks
 * of one machine are one. */
static int compare_clocks(struct bit_timeline *t, struct bit_error *error)
{
    enum { ROUNDS = 15 };
    double later[ROUNDS], now, all[t->world->size];
    for (int i = 0; i < ROUNDS; i++) {
        if (bit_group_barrier(t->world, error))
            return -1;
        now = bit_clock_seconds();
        if (bit_group_gather(t->world, &now, sizeof now, all, error))
            return -1;
        later[i] = now - all[0];
    }
    t->origin = all[0]; /* on rank 0's clock */
    qsort(later, ROUNDS, sizeof *later, compare);
    t->origin += later[ROUNDS / 2];
    return 0;
}

/* No reason to end the training: the timeline ends, with what it holds. */
static void give_up(struct bit_timeline *t, const struct bit_error *error)
{
    t->count = 0;
    if (t->world->rank == 0)
        bit_log(BIT_LOG_WARNING, "the timeline ends here: %s", error->text);
    if (t->file >= 0 && (ftruncate(t->file, t->end) || (t->end && pwrite(t->file, closing, strlen(closing), t->end) < 0)))
        bit_log(BIT_LOG_WARNING, "%s lacks its last line, ]", t->path);
}

/* A run that was interrupted is started again with the same name. */
static void keep_older(const char *path)
{
    char older[PATH_MAX];
    struct stat status;
    if (!lstat(path, &status) && S_ISREG(status.st_mode) && status.st_size > 0 &&
        (size_t)snprintf(older, sizeof older, "%s.1", path) < sizeof older && rename(path, older))
        bit_log(BIT_LOG_WARNING, "--trace: cannot rename %s to %s: it is overwritten", path, older);
}

struct bit_timeline *bit_timeline_open(struct bit_group *world, const char *path, uint64_t from, uint64_t count,
                               struct bit_error *error)
{
    struct bit_timeline *t = bit_allocate(1, sizeof *t, "the timeline", error);
    struct bit_error full = {0};
    char text[64];
    if (t) {
        *t = (struct bit_timeline){.world = world, .file = -1, .from = from, .count = count};
        snprintf(t->path, sizeof t->path, "%s", path);
        if (world->rank == 0)
            keep_older(path);
        if (world->rank == 0 && (t->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
            bit_fail_errno(error, BIT_EENVIRONMENT, "--trace: cannot create %s", path);
        if (t->file >= 0) {
            snprintf(text, sizeof text, "[\n{\"name\":\"bitrun\",\"ph\":\"M\",\"pid\":0}%s", closing);
            put(t, text, strlen(text), &full);
        }
    }
    if (bit_group_agree(world, error) || compare_clocks(t, error)) {
        bit_timeline_close(t);
        return NULL;
    }
    if (bit_group_agree(world, &full))
        give_up(t, &full);
    return t;
}

/* Each rank's text in turn goes to all, and rank 0 writes it: nobody holds more than one of them. Fails on all ranks alike. */
static int write_all(struct bit_timeline *t, const struct bit_text *mine, struct bit_error *error)
{
    struct bit_group *world = t->world;
    uint64_t size = mine->failed ? 0 : mine->size, sizes[world->size], largest = 0;
    if (bit_group_gather(world, &size, sizeof size, sizes, error))
        return -1;
    for (int r = 0; r < world->size; r++)
        largest = sizes[r] > largest ? sizes[r] : largest;
    if (largest == 0)
        return 0;
    char *room = bit_allocate((size_t)largest + sizeof closing, 1, "the timeline", error);
    int result = bit_group_agree(world, error);
    for (int r = 0; r < world->size && !result; r++) {
        if (r == world->rank && size)
            memcpy(room, mine->data, (size_t)size);
        if (sizes[r] && !(result = bit_group_broadcast(world, room, (size_t)sizes[r], r, error)) && t->file >= 0 && !error->code) {
            memcpy(room + sizes[r], closing, sizeof closing);
            put(t, room, (size_t)sizes[r] + strlen(closing), error);
        }
    }
    bit_free(room);
    return result ? -1 : bit_group_agree(world, error);
}

void bit_timeline_turn(struct bit_timeline *t, uint64_t taken)
{
    bool on = taken + 1 >= t->from && taken + 1 - t->from < t->count, was = atomic_load(&bit_trace_on);
    struct bit_text text = {0};
    struct bit_error error = {0};
    if (!on && !was)
        return;
    if (!was) {
        char host[128];
        bit_host_name(host, sizeof host);
        bit_text_add(&text, ",\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"name\":\"rank %d on %s\"}}",
                     t->world->rank, t->world->rank, host);
    }
    bit_trace_drain(t->world->rank, t->origin, &text);
    if (write_all(t, &text, &error)) {
        give_up(t, &error);
        on = false;
    }
    bit_text_free(&text);
    atomic_store(&bit_trace_on, on);
}

void bit_timeline_close(struct bit_timeline *t)
{
    if (!t)
        return;
    bit_trace_clear();
    if (t->file >= 0)
        close(t->file);
    bit_free(t);
}
