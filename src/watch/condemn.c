/* Telling the world that a rank has timed out: the file by which one process takes it on, the outcome, the log. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/record.h"
#include "bit/watch.h"

enum { FIRST_RANKS = 64 };

/* ---- the verdict's own file ---- */

static int write_late(const char *path, const struct bit_verdict *v, struct bit_error *error)
{
    char text[512];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno == EEXIST)
        return 0;
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", path);
    int size = snprintf(text, sizeof text, "%016" PRIx64 " %d %d %s %ld %s %" PRIu64 " %.3f %.3f\n", v->id, (int)v->kind, v->rank,
                        v->host, v->process, bit_phase_name(v->phase), v->step, v->seconds, v->limit);
    ssize_t written = write(file, text, (size_t)size);
    (void)written; /* that it is there says enough */
    close(file);
    return 1;
}

bool bit_watch_condemned(const char *folder, uint64_t id, struct bit_verdict *verdict)
{
    char path[PATH_MAX], text[512], phase[16];
    struct bit_verdict v = {0};
    int kind;
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_VERDICT, NULL))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = 0;
    bool read = sscanf(text, "%" SCNx64 " %d %d %63s %ld %15s %" SCNu64 " %lf %lf", &v.id, &kind, &v.rank, v.host, &v.process, phase,
                       &v.step, &v.seconds, &v.limit) == 9;
    if (!read || v.id != id)
        return false;
    v.kind = (enum bit_lateness)kind;
    v.phase = bit_phase_find(phase);
    if (verdict)
        *verdict = v;
    return true;
}

/* The log may be locked by a thread that hangs, and stderr may be a pipe that nobody reads: neither is waited for. */
static void tell(const char *folder, const char *message)
{
    char path[PATH_MAX], stamp[32], line[2048];
    bit_clock_stamp(stamp, sizeof stamp);
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_LOG, NULL) == 0) {
        int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (file >= 0) {
            dprintf(file, "%s error watchdog: %s\n", stamp, message);
            close(file);
        }
    }
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    int size = snprintf(line, sizeof line, "watchdog: %s\n", message);
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT)) {
        ssize_t written = write(STDERR_FILENO, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
        (void)written;
    }
}

/* A rank that was cut off, or a launcher, may come back when the run has been started anew: then there is nothing to say. */
static bool is_ours(const char *folder, uint64_t id)
{
    struct bit_heart heart;
    double changed;
    for (int r = 0; r < FIRST_RANKS; r++)
        if (bit_heart_read(folder, r, &heart, &changed) == 0)
            return heart.id == id;
    return true;
}

int bit_watch_condemn(const char *folder, const struct bit_verdict *verdict, struct bit_error *error)
{
    char path[PATH_MAX], message[1024];
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_VERDICT, error))
        return -1;
    if (!is_ours(folder, verdict->id))
        return 0;
    int mine = write_late(path, verdict, error);
    if (mine != 1)
        return mine;
    bit_verdict_text(verdict, message, sizeof message);
    /* A run that has ended already, and hangs on its way out, keeps its end. */
    bool ended = bit_run_has_ended(bit_outcome_state(folder));
    tell(folder, message); /* first: the others leave when they see the outcome */
    struct bit_outcome_late late = {.rank = verdict->rank, .process = (uint64_t)verdict->process, .seconds = verdict->seconds};
    snprintf(late.host, sizeof late.host, "%s", verdict->host);
    snprintf(late.phase, sizeof late.phase, "%s", bit_phase_name(verdict->phase));
    int result = ended ? 0 : bit_outcome_fail(folder, BIT_ELATE, message, &late, verdict->step, error);
    return result ? -1 : 1;
}
