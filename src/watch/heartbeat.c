/* Heartbeat files: one line a rank, written in place, read by the others. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/record.h"
#include "bit/watch.h"

void bit_heart_path(const char *folder, int rank, char path[PATH_MAX])
{
    int used = snprintf(path, PATH_MAX, "%s/" BIT_RECORD_HEARTBEAT "/%d", folder, rank);
    if (used < 0 || used >= PATH_MAX)
        path[0] = 0; /* opening it fails */
}

static int add_track(const struct bit_heart *h, enum bit_track track, char *text, size_t size)
{
    const struct bit_phase_note *n = &h->notes[track];
    return snprintf(text, size, " %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %.3f", bit_phase_name(n->phase), n->step,
                    n->moves, n->entered, n->left, h->still[track]);
}

/* The number of beats stands at both ends: a record that was read while it was written shows. */
void bit_heart_format(const struct bit_heart *h, char record[BIT_HEART_BYTES])
{
    char text[BIT_HEART_BYTES];
    int used = snprintf(text, sizeof text, "bit-heartbeat-1 %" PRIu64 " %016" PRIx64 " %d %d %s %ld %d %.3f", h->beats, h->id,
                        h->rank, h->ranks, *h->host ? h->host : "?", h->process, h->live, h->wall);
    for (int track = 0; track < BIT_TRACKS; track++)
        used += add_track(h, track, text + used, sizeof text - (size_t)used);
    used += snprintf(text + used, sizeof text - (size_t)used, " %.3f %.3f %.3f %.3f", h->limits.start, h->limits.data, h->limits.step,
                     h->limits.checkpoint);
    memset(record, ' ', BIT_HEART_BYTES);
    memcpy(record, text, (size_t)used);
    used = snprintf(text, sizeof text, " %" PRIu64, h->beats);
    memcpy(record + BIT_HEART_BYTES - 1 - used, text, (size_t)used);
    record[BIT_HEART_BYTES - 1] = '\n';
}

static int parse_track(const char **at, struct bit_heart *h, enum bit_track track)
{
    struct bit_phase_note *n = &h->notes[track];
    char phase[16];
    int used = 0;
    if (sscanf(*at, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %lf%n", phase, &n->step, &n->moves, &n->entered,
               &n->left, &h->still[track], &used) != 6)
        return -1;
    *at += used;
    n->phase = bit_phase_find(phase);
    return n->phase == BIT_PHASES ? -1 : 0;
}

int bit_heart_parse(const char record[BIT_HEART_BYTES], struct bit_heart *h)
{
    char text[BIT_HEART_BYTES + 1];
    const char *at = text;
    uint64_t last;
    int used = 0;
    memcpy(text, record, BIT_HEART_BYTES);
    text[BIT_HEART_BYTES] = 0;
    *h = (struct bit_heart){0};
    if (sscanf(text, "bit-heartbeat-1 %" SCNu64 " %" SCNx64 " %d %d %63s %ld %d %lf%n", &h->beats, &h->id, &h->rank,
               &h->ranks, h->host, &h->process, &h->live, &h->wall, &used) != 8)
        return -1;
    at += used;
    for (int track = 0; track < BIT_TRACKS; track++)
        if (parse_track(&at, h, track))
            return -1;
    if (sscanf(at, "%lf %lf %lf %lf %" SCNu64, &h->limits.start, &h->limits.data, &h->limits.step, &h->limits.checkpoint, &last) != 5)
        return -1;
    for (int track = 0; track < BIT_TRACKS; track++)
        h->limit[track] = bit_watch_limit(&h->limits, h->notes[track].phase, 0);
    return last == h->beats ? 0 : -1;
}

static double changed_at(int file)
{
    struct stat status;
    if (fstat(file, &status))
        return 0;
    return (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec;
}

int bit_heart_write(const char *folder, const struct bit_heart *heart, double *changed)
{
    char path[PATH_MAX], record[BIT_HEART_BYTES];
    struct bit_heart there;
    bit_heart_path(folder, heart->rank, path);
    int file = open(path, O_RDWR | (heart->beats <= 1 ? O_CREAT : 0) | O_CLOEXEC, 0666);
    if (file < 0)
        return -1;
    if (heart->beats > 1 && pread(file, record, sizeof record, 0) == sizeof record && bit_heart_parse(record, &there) == 0 &&
        there.id != heart->id) {
        close(file);
        return 1;
    }
    bit_heart_format(heart, record);
    int bad = pwrite(file, record, sizeof record, 0) != sizeof record;
    *changed = changed_at(file);
    return close(file) || bad ? -1 : 0;
}

int bit_heart_read(const char *folder, int rank, struct bit_heart *heart, double *changed)
{
    char path[PATH_MAX], record[BIT_HEART_BYTES];
    bit_heart_path(folder, rank, path);
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return -1;
    int bad = pread(file, record, sizeof record, 0) != sizeof record;
    *changed = changed_at(file);
    close(file);
    return bad || bit_heart_parse(record, heart) || heart->rank != rank ? -1 : 0;
}
