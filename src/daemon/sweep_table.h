/* How the jobs of a sweep stand. Local. */
#ifndef DAEMON_SWEEP_TABLE_H
#define DAEMON_SWEEP_TABLE_H

#include "bit/sweep.h"
#include "daemon/daemon.h"

/* One job of a sweep: the newest of its number, as a job that was run again has taken the place of the former. */
struct sweep_entry {
    int64_t id;
    int index;                   /* the trial; sweep->trials: the last job */
    enum daemon_state state;
    double value;                /* of the metric, at its newest evaluation; NaN: not known */
    uint64_t step, steps;        /* BIT_RECORD_UNKNOWN */
};
struct sweep_table {
    struct sweep_entry entry[BIT_SWEEP_TRIALS + 1];
    int count;
    struct bit_metric metric;    /* name "": of no job is it known yet */
};

/* Reads all of them; only_ended: results of those that are done alone. NULL with `error`. Free with bit_free. */
struct sweep_table *sweep_table_read(struct daemon *d, int64_t id, const struct bit_sweep *sweep, bool only_ended, struct bit_error *error);
/* Trials that are done, the best first; then those that go on; then those that ended otherwise; the last job before all. */
void sweep_table_sort(struct sweep_table *table, const struct bit_sweep *sweep);
/* The trial that is done and has the best value; NULL: there is none. */
const struct sweep_entry *sweep_table_best(const struct sweep_table *table, const struct bit_sweep *sweep);

#endif
