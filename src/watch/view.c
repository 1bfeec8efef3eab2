/* How one process sees another rank over time: alive, silent, or standing still. */
#include <string.h>

#include "bit/host.h"
#include "bit/watch.h"

/* Of a silent rank on this host the very phase is known; and only its file system may hang, while it works on. */
static bool moves_all_the_same(struct bit_seen *s, struct bit_view *v)
{
    struct bit_phase_note note;
    char host[sizeof s->heart.host];
    bit_host_name(host, sizeof host);
    if (strcmp(s->heart.host, host) || bit_phase_read_of(s->heart.process, s->heart.live, &note))
        return false;
    bool moved = v->moves && note.moves != v->moves;
    if (note.moves != s->heart.notes[BIT_TRACK_MAIN].moves) /* since its last beat: only the silence counts */
        s->heart.still[BIT_TRACK_MAIN] = 0;
    v->moves = note.moves;
    s->heart.notes[BIT_TRACK_MAIN] = note;
    s->heart.limit[BIT_TRACK_MAIN] = bit_watch_limit(&s->heart.limits, note.phase, 0);
    return moved;
}

void bit_view_look(const char *folder, uint64_t id, int rank, double start_limit, double now, struct bit_view *v,
                   struct bit_seen *s, double *changed)
{
    struct bit_heart heart;
    if (bit_heart_read(folder, rank, &heart, changed) || heart.id != id) {
        *changed = 0; /* it has not begun yet, or the file is being written: the former look stands */
        if (s->heart.id != id)
            s->heart = (struct bit_heart){.id = id, .rank = rank, .host = "?", .live = -1,
                                          .notes[BIT_TRACK_MAIN].phase = BIT_PHASE_START,
                                          .limits.start = start_limit, .limit[BIT_TRACK_MAIN] = start_limit};
    } else {
        s->heart = heart;
        if (heart.beats != v->beats)
            v->since = now;
        v->beats = heart.beats;
    }
    s->silent = now - v->since;
    if (s->silent < bit_watch_silence(s->heart.ranks)) {
        s->silent = 0;
    } else if (moves_all_the_same(s, v)) {
        v->since = now;
        s->silent = 0;
    }
}
