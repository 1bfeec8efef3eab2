/* How the jobs of a sweep stand: read from the queue, the store and the folders of their runs. */
#include "daemon/sweep_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"

enum { ROWS = 4 * (BIT_SWEEP_TRIALS + 1) }; /* with those that were run again */

/* The value by which a run is judged. */
static double value_of(const struct bit_outcome *outcome, const struct bit_sweep *sweep, struct bit_metric *metric)
{
    static const struct bit_metric loss = {.name = "loss", .title = "loss", .form = BIT_METRIC_NUMBER, .count = BIT_METRIC_UNCOUNTED};
    const struct bit_metrics *metrics = &outcome->evaluation.metrics;
    const struct bit_metric *found = *sweep->metric ? bit_metrics_find(metrics, sweep->metric) : metrics->count ? &metrics->item[0] : NULL;
    if (metrics->count && !strcmp(sweep->metric, "loss")) {
        *metric = loss;
        return outcome->evaluation.loss;
    }
    if (!found)
        return NAN;
    *metric = *found;
    return found->value;
}

static int read_entry(struct daemon *d, int64_t id, const struct bit_sweep *sweep, bool only_ended, struct sweep_entry *entry, struct bit_metric *metric)
{
    struct store_job row;
    struct bit_outcome outcome;
    struct bit_error ignored = {0};
    struct job *job = queue_find(d, id);
    if (store_read_job(d->store, id, false, &row, &ignored))
        return -1;
    *entry = (struct sweep_entry){.id = id, .index = row.index, .state = job ? job->row.life.state : row.life.state, .value = NAN, .step = BIT_RECORD_UNKNOWN,
                                  .steps = BIT_RECORD_UNKNOWN};
    if (job && daemon_is_live(entry->state) && job->progress.is_known && !only_ended) { /* looked at every two seconds */
        entry->value = value_of(&job->progress.outcome, sweep, metric);
        entry->step = job->progress.outcome.progress.step;
        entry->step = job->progress.loss_step > entry->step ? job->progress.loss_step : entry->step;
        entry->steps = job->progress.outcome.progress.steps;
    } else if ((!only_ended || entry->state == STATE_DONE) && bit_outcome_read(row.out, &outcome, &ignored) == 0) {
        entry->value = value_of(&outcome, sweep, metric);
        entry->step = outcome.progress.step;
        entry->steps = outcome.progress.steps;
    }
    store_job_free(&row);
    return 0;
}

struct sweep_table *sweep_table_read(struct daemon *d, int64_t id, const struct bit_sweep *sweep, bool only_ended, struct bit_error *error)
{
    struct sweep_table *table = bit_allocate(1, sizeof *table, "the table of a sweep", error);
    int64_t *ids = bit_allocate(ROWS, sizeof *ids, "the jobs of a sweep", error);
    int rows = table && ids ? store_children(d->store, id, ROWS, ids, error) : -1;
    for (int i = 0; i < rows; i++) {
        struct sweep_entry entry;
        if (read_entry(d, ids[i], sweep, only_ended, &entry, &table->metric))
            continue; /* its record is broken, which was said when bitd started */
        if (table->count && table->entry[table->count - 1].index == entry.index)
            table->count--; /* by number, then by age: this one is newer */
        if (table->count <= sweep->trials)
            table->entry[table->count++] = entry;
    }
    bit_free(ids);
    if (rows >= 0)
        return table;
    bit_free(table);
    return NULL;
}

/* ---- order ---- */

struct order { const struct sweep_entry *entry; int group; double weight; };

static bool is_ranked(const struct sweep_entry *entry) { return entry->state == STATE_DONE && !isnan(entry->value); }

static int by_rank(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->entry->index - y->entry->index;
}

static int group_of(const struct sweep_entry *entry, const struct bit_sweep *sweep)
{
    if (entry->index == sweep->trials)
        return 0;
    return is_ranked(entry) ? 1 : daemon_is_live(entry->state) ? 2 : !daemon_is_final(entry->state) ? 3 : 4;
}

void sweep_table_sort(struct sweep_table *table, const struct bit_sweep *sweep)
{
    static struct order order[BIT_SWEEP_TRIALS + 1];
    static struct sweep_entry sorted[BIT_SWEEP_TRIALS + 1];
    double sign = table->metric.higher_is_better ? 1 : -1;
    for (int i = 0; i < table->count; i++) {
        const struct sweep_entry *entry = &table->entry[i];
        order[i] = (struct order){entry, group_of(entry, sweep), is_ranked(entry) ? sign * entry->value : 0};
    }
    qsort(order, (size_t)table->count, sizeof *order, by_rank);
    for (int i = 0; i < table->count; i++)
        sorted[i] = *order[i].entry;
    memcpy(table->entry, sorted, (size_t)table->count * sizeof *sorted);
}

const struct sweep_entry *sweep_table_best(const struct sweep_table *table, const struct bit_sweep *sweep)
{
    const struct sweep_entry *best = NULL;
    for (int i = 0; i < table->count; i++) {
        const struct sweep_entry *entry = &table->entry[i];
        if (entry->index < sweep->trials && is_ranked(entry) && (!best || bit_metric_is_better(&table->metric, entry->value, best->value)))
            best = entry;
    }
    return best;
}
