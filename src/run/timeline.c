/* The file is a JSON array of events, one a line. Each turn overwrites the closing bracket with more events and another
 * bracket in one write, so that a run that dies leaves a whole file. */
#include "run/timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "bit/trace.h"

struct timeline {
    struct bit_group *world;
    char path[PATH_MAX];
    int file;                /* rank 0's; else -1 */
    off_t end;               /* where the closing bracket stands */
    double origin;           /* time 0 of the timeline, on this rank's clock */
    uint64_t from, count;
};

static const char closing[] = "\n]\n";

static int put(struct timeline *t, const char *text, size_t size, struct bit_error *error)
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
static int compare_clocks(struct timeline *t, struct bit_error *error)
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

struct timeline *timeline_open(struct bit_group *world, const char *path, uint64_t from, uint64_t count,
                               struct bit_error *error)
{
    struct timeline *t = bit_allocate(1, sizeof *t, "the timeline", error);
    char text[64];
    if (t) {
        *t = (struct timeline){.world = world, .file = -1, .from = from, .count = count};
        snprintf(t->path, sizeof t->path, "%s", path);
        if (world->rank == 0 && (t->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
            bit_fail_errno(error, BIT_EENVIRONMENT, "--trace: cannot create %s", path);
        if (t->file >= 0) {
            snprintf(text, sizeof text, "[\n{\"name\":\"bitrun\",\"ph\":\"M\",\"pid\":0}%s", closing);
            put(t, text, strlen(text), error);
        }
    }
    if (bit_group_agree(world, error) || compare_clocks(t, error)) {
        timeline_close(t);
        return NULL;
    }
    return t;
}

/* Rank 0 gets all ranks' texts, one after another, the shorter ones filled up with 0. */
static int collect(struct timeline *t, struct bit_text *mine, char **all, size_t *largest, struct bit_error *error)
{
    uint64_t size = mine->failed ? 0 : mine->size, sizes[t->world->size];
    *largest = 0;
    if (bit_group_gather(t->world, &size, sizeof size, sizes, error))
        return -1;
    for (int r = 0; r < t->world->size; r++)
        *largest = sizes[r] > *largest ? (size_t)sizes[r] : *largest;
    if (*largest == 0)
        return 0;
    char *text = bit_allocate(*largest, 1, "the timeline", error);
    *all = bit_allocate((size_t)t->world->size, *largest, "the timeline", error);
    if (text && size)
        memcpy(text, mine->data, size);
    int result = bit_group_agree(t->world, error) || bit_group_gather(t->world, text, *largest, *all, error);
    bit_free(text);
    return result ? -1 : 0;
}

static int append(struct timeline *t, const char *all, size_t largest, struct bit_error *error)
{
    struct bit_text text = {0};
    for (int r = 0; r < t->world->size; r++)
        bit_text_add(&text, "%.*s", (int)strnlen(all + (size_t)r * largest, largest), all + (size_t)r * largest);
    bit_text_add(&text, "%s", closing);
    int result = text.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: the timeline")
                             : put(t, text.data, text.size, error);
    bit_text_free(&text);
    return result;
}

int timeline_turn(struct timeline *t, uint64_t taken, struct bit_error *error)
{
    bool on = taken + 1 >= t->from && taken + 1 - t->from < t->count, was = atomic_load(&bit_trace_on);
    struct bit_text text = {0};
    char *all = NULL;
    size_t largest = 0;
    if (!on && !was)
        return 0;
    if (!was) {
        char host[128] = "";
        gethostname(host, sizeof host - 1);
        bit_text_add(&text, ",\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"name\":\"rank %d on %s\"}}",
                     t->world->rank, t->world->rank, host);
    }
    bit_trace_drain(t->world->rank, t->origin, &text);
    int result = collect(t, &text, &all, &largest, error);
    if (!result && largest && t->file >= 0)
        append(t, all, largest, error);
    bit_free(all);
    bit_text_free(&text);
    atomic_store(&bit_trace_on, on);
    return result || bit_group_agree(t->world, error) ? -1 : 0;
}

void timeline_close(struct timeline *t)
{
    if (!t)
        return;
    bit_trace_clear();
    if (t->file >= 0)
        close(t->file);
    bit_free(t);
}
