/* GET .../sweep: what a sweep varies, and how its jobs stand, the best first. */
#include <math.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "daemon/sweep.h"
#include "daemon/sweep_table.h"

enum { NUMBER = 17 };

static void add_keys(struct bit_text *t, const struct bit_sweep *sweep)
{
    bit_text_add(t, ",\"keys\":[");
    for (int k = 0; k < sweep->keys; k++) {
        const struct bit_sweep_key *key = &sweep->key[k];
        bool is_list = key->kind == BIT_SWEEP_GRID || key->kind == BIT_SWEEP_CHOICE;
        char text[128];
        bit_sweep_key_text(key, text, sizeof text);
        bit_text_add(t, "%s{\"key\":", k ? "," : "");
        bit_text_add_json(t, key->path);
        bit_text_add(t, ",\"text\":");
        bit_text_add_json(t, text);
        bit_text_add(t, ",\"is_log\":%s", key->kind == BIT_SWEEP_LOG_UNIFORM ? "true" : "false");
        bit_json_add_member(t, "from", is_list ? NAN : key->from, NUMBER);
        bit_json_add_member(t, "to", is_list ? NAN : key->to, NUMBER);
        bit_text_add(t, ",\"values\":[");
        for (int i = 0; i < key->count; i++)
            bit_text_add(t, "%s%s", i ? "," : "", key->values[i]);
        bit_text_add(t, "]}");
    }
    bit_text_add(t, "]");
}

static void add_metric(struct bit_text *t, const struct bit_metric *metric)
{
    bit_text_add(t, ",\"metric\":");
    if (!*metric->name) {
        bit_text_add(t, "null");
        return;
    }
    bit_text_add(t, "{\"name\":");
    bit_text_add_json(t, metric->name);
    bit_text_add(t, ",\"title\":");
    bit_text_add_json(t, metric->title);
    bit_text_add(t, ",\"form\":\"%s\",\"better\":\"%s\"}", metric->form == BIT_METRIC_SHARE ? "share" : "number", metric->higher_is_better ? "higher" : "lower");
}

static void add_whole(struct bit_text *t, const char *key, uint64_t value)
{
    if (value == BIT_RECORD_UNKNOWN)
        bit_text_add(t, ",\"%s\":null", key);
    else
        bit_text_add(t, ",\"%s\":%llu", key, (unsigned long long)value);
}

/* The values that a job has; the last one has those of the best trial. */
static void add_values(struct bit_text *t, const struct bit_sweep *sweep, int trial)
{
    char value[BIT_SWEEP_VALUE];
    bit_text_add(t, ",\"values\":[");
    for (int k = 0; k < sweep->keys && trial >= 0; k++) {
        bit_sweep_value(sweep, trial, k, value);
        bit_text_add(t, "%s%s", k ? "," : "", value);
    }
    bit_text_add(t, "]}");
}

static int add_entry(struct request *r, const struct sweep_entry *entry, int rank, bool is_last, struct bit_error *error)
{
    struct store_job row;
    struct bit_text *t = &r->text;
    if (store_read_job(r->daemon->store, entry->id, false, &row, error))
        return -1;
    bit_text_add(t, "{\"id\":%lld,\"index\":%d,\"is_last\":%s,\"name\":", (long long)entry->id, entry->index, is_last ? "true" : "false");
    bit_text_add_json(t, row.name);
    bit_text_add(t, ",\"state\":\"%s\",\"cause\":\"%s\",\"why\":", daemon_state_name(entry->state), daemon_cause_name(row.life.cause));
    bit_text_add_json(t, row.why);
    bit_json_add_member(t, "rank", rank ? rank : NAN, NUMBER);
    bit_json_add_member(t, "value", entry->value, NUMBER);
    add_whole(t, "step", entry->step);
    add_whole(t, "steps", entry->steps);
    store_job_free(&row);
    return 0;
}

static int add_jobs(struct request *r, struct sweep_table *table, const struct bit_sweep *sweep, struct bit_error *error)
{
    const struct sweep_entry *best = sweep_table_best(table, sweep);
    int best_trial = best ? best->index : -1, rank = 0;
    sweep_table_sort(table, sweep);
    bit_text_add(&r->text, ",\"jobs\":[");
    for (int i = 0; i < table->count; i++) {
        const struct sweep_entry *entry = &table->entry[i];
        bool is_last = entry->index == sweep->trials, is_ranked = !is_last && entry->state == STATE_DONE && !isnan(entry->value);
        bit_text_add(&r->text, i ? "," : "");
        rank += is_ranked;
        if (add_entry(r, entry, is_ranked ? rank : 0, is_last, error))
            return -1;
        add_values(&r->text, sweep, is_last ? best_trial : entry->index);
    }
    bit_text_add(&r->text, "]}\n");
    return 0;
}

static int answer(struct request *r, const struct store_job *row, struct bit_error *error)
{
    struct bit_problems ignored = {0};
    struct bit_sweep *sweep = bit_sweep_parse(row->spec, strlen(row->spec), row->name, &ignored, error);
    struct sweep_table *table = sweep ? sweep_table_read(r->daemon, row->id, sweep, false, error) : NULL;
    int result = -1;
    if (table) {
        bit_text_add(&r->text, "{\"trials\":%d,\"at_once\":%d,\"has_last\":%s", sweep->trials, sweep->at_once, sweep->has_last ? "true" : "false");
        add_metric(&r->text, &table->metric);
        add_keys(&r->text, sweep);
        result = add_jobs(r, table, sweep, error);
    }
    bit_problems_free(&ignored);
    bit_sweep_destroy(sweep);
    bit_free(table);
    return result;
}

void api_sweep(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    struct store_job row;
    if (!api_read_row(r, id, true, &row))
        return;
    if (row.engine != ENGINE_SWEEP)
        api_fail(r, 404, "job %lld is not a sweep", (long long)id);
    else if (answer(r, &row, &error))
        api_fail_error(r, &error);
    store_job_free(&row);
}
