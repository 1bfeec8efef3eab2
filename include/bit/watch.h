/* The watchdog: finds the rank that holds up the others, also when that rank is stopped, says so, and ends the job.
 *
 * Each rank's watchdog thread writes a heartbeat file below RUN/heartbeat about once a second, and reads the others'
 * when its own main thread has stood still for a while. No clocks are compared between hosts and MPI is not called. */
#ifndef BIT_WATCH_H
#define BIT_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/phase.h"

/* Seconds a rank may stand still in a phase; 0: for ever. step < 0: WATCH_STEP_FACTOR times the longest of the recent
 * steps, at least WATCH_STEP_LEAST, and WATCH_STEP_FIRST until one is known. */
struct bit_watch_limits { double start, data, step, checkpoint; };
enum { BIT_WATCH_STEP_FACTOR = 20, BIT_WATCH_STEP_LEAST = 60, BIT_WATCH_STEP_FIRST = 600 };

/* ---- heartbeats ---- */

enum { BIT_HEART_BYTES = 512 };

struct bit_heart {
    uint64_t id;              /* of the invocation: the same in all its ranks */
    int rank, ranks;
    char host[64];
    long process;
    int live;                 /* descriptor of its shared notes (bit_phase_share), or -1 */
    uint64_t beats;           /* writes so far */
    double wall;              /* seconds since 1970, for people */
    struct bit_phase_note notes[BIT_TRACKS];
    double still[BIT_TRACKS]; /* seconds since the last move */
    struct bit_watch_limits limits; /* with the step's as it is now */
    double limit[BIT_TRACKS]; /* of the phase, by those; 0: none */
};

/* One line of BIT_HEART_BYTES bytes, and back. A torn or foreign record is -1. */
void bit_heart_format(const struct bit_heart *heart, char record[BIT_HEART_BYTES]);
int bit_heart_parse(const char record[BIT_HEART_BYTES], struct bit_heart *heart);
/* Opens, writes in place, closes (which sends it to a file server). *changed: the file's time, by the file system. The first
 * beat makes the file; 1: a later one found another invocation's record there, and left it. */
int bit_heart_write(const char *folder, const struct bit_heart *heart, double *changed);
/* -1 when there is no such record (yet). */
int bit_heart_read(const char *folder, int rank, struct bit_heart *heart, double *changed);
/* RUN/heartbeat/RANK. */
void bit_heart_path(const char *folder, int rank, char path[PATH_MAX]);

/* ---- looking at other ranks ---- */

/* A rank as somebody sees it. silent: seconds for which no new heartbeat has come; 0 while they come. */
struct bit_seen { struct bit_heart heart; double silent; };

/* What somebody has seen of a rank; zero but for `since` at first. */
struct bit_view {
    uint64_t beats, moves;    /* moves: of a rank on this host whose heart does not beat */
    double since;             /* own clock: when the last sign of life came */
};
/* Seconds between the beats of a rank, and between looks at all of them, so that a file system sees some 64 of either a second however
 * many ranks there are; and seconds without a beat after which a rank counts as silent. */
double bit_watch_period(const struct bit_watch_limits *limits, int ranks);
double bit_watch_silence(int ranks);
/* Looks at rank `rank` of invocation `id` again: fills *seen, where a rank that has not begun stands in `start` with that
 * phase's limit, and *changed (0: not known). Of a silent rank on this host the very phase is read. */
void bit_view_look(const char *folder, uint64_t id, int rank, double start_limit, double now, struct bit_view *view,
                   struct bit_seen *seen, double *changed);

/* ---- judging ---- */

enum bit_lateness { BIT_LATE_NOT, BIT_LATE_SILENT, BIT_LATE_STUCK, BIT_LATE_BACKGROUND, BIT_LATE_TOGETHER };

struct bit_verdict {
    enum bit_lateness kind;
    uint64_t id, step;
    int rank;
    char host[64];
    long process;
    enum bit_phase phase;
    double seconds, limit;
};

/* Who is over its limit by more than `allowance` seconds? A rank that waits for others is not, unless all of them wait. Of several,
 * the one that has entered the fewest waits. Pure. */
enum bit_lateness bit_watch_judge(const struct bit_seen *all, int count, double allowance, struct bit_verdict *verdict);
/* "rank 2 (process 123 on a) timed out: ..." */
void bit_verdict_text(const struct bit_verdict *verdict, char *text, size_t size);
/* The limit of a phase, and the key that sets it; longest: seconds of the recent steps' longest, 0: not known. */
double bit_watch_limit(const struct bit_watch_limits *limits, enum bit_phase phase, double longest);
const char *bit_watch_limit_key(enum bit_phase phase);

/* ---- one judge ---- */

/* Of the ranks that suspect something, one looks at all the others: RUN/heartbeat/judge says which. */
struct bit_lease {
    int rank;                 /* who was seen at it; -1: nobody */
    uint64_t turns;           /* of that one */
    double since;             /* own clock: when they last changed */
    bool wrote;               /* the file is to be removed at the end */
};
/* A suspicious rank's turn, once a period: whether it is to look at all ranks now. Another one is left to it while its turns go on. */
bool bit_lease_take(const char *folder, uint64_t id, int rank, int ranks, double now, struct bit_lease *lease);

/* ---- acting on it ---- */

/* Makes the verdict public: RUN/heartbeat/late, outcome.json (state failed, reason late), log.txt. 1: done; 0: another
 * process did so before, or another invocation has the folder now; -1. Only one process does. */
int bit_watch_condemn(const char *folder, const struct bit_verdict *verdict, struct bit_error *error);
/* Whether this invocation is condemned, and by what verdict (which may be NULL). */
bool bit_watch_condemned(const char *folder, uint64_t id, struct bit_verdict *verdict);

/* ---- the thread ---- */

struct bit_watch_options {
    const char *folder;       /* the run's; RUN/heartbeat is there already */
    int rank, ranks;
    uint64_t id;
    struct bit_watch_limits limits;
};
struct bit_watch;
/* Starts the watchdog of this process. When it finds that a rank has timed out, or learns that another has, it ends the process with
 * exit code BIT_ELATE. */
struct bit_watch *bit_watch_start(const struct bit_watch_options *options, struct bit_error *error);
/* Ends it and removes this rank's heartbeat. NULL is fine. */
void bit_watch_end(struct bit_watch *watch);

#endif
