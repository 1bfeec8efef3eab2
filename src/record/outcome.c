/* outcome.json: one table of members serves reading and writing. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/json.h"
#include "bit/record.h"
#include "bit/statistics.h"
#include "record/rows.h"

enum { OUTCOME_LIMIT = 1 << 20 };

const char *bit_run_state_name(enum bit_run_state state)
{
    static const char *const names[BIT_RUN_STATES] = {"unknown", "running", "finished", "stopped", "failed"};
    return names[state];
}

/* ---- members ---- */

enum kind { WHOLE, REAL, TEXT };

struct member {
    const char *name;
    enum kind kind;
    size_t at;   /* offset in struct bit_outcome */
    size_t size; /* TEXT: of the array; REAL: significant digits */
};

#define AT(member) offsetof(struct bit_outcome, member)
#define TEXT_AT(member) TEXT, AT(member), sizeof ((struct bit_outcome *)0)->member

static const struct member progress_members[] = {
    {"step", WHOLE, AT(progress.step), 0},
    {"steps", WHOLE, AT(progress.steps), 0},
    {"epoch", REAL, AT(progress.epoch), 9},
    {"checkpoint_step", WHOLE, AT(progress.checkpoint_step), 0},
    {"resumes", WHOLE, AT(progress.resumes), 0},
    {"rollbacks", WHOLE, AT(progress.rollbacks), 0},
    {"bad_images", WHOLE, AT(progress.bad_images), 0},
    {"seconds", REAL, AT(progress.seconds), 6},
    {"seconds_of_this_invocation", REAL, AT(progress.invocation_seconds), 6},
};
static const struct member evaluation_members[] = {
    {"validation_loss", REAL, AT(evaluation.loss), 17},
    {"validation_images", WHOLE, AT(evaluation.images), 0},
    {"evaluated_step", WHOLE, AT(evaluation.step), 0},
};
static const struct member best_members[] = {
    {"best_step", WHOLE, AT(evaluation.best_step), 0},
    {"weights_hash", TEXT_AT(progress.weights_hash)},
    {"started", TEXT_AT(started)},
};
static const struct member machine_members[] = {
    {"ranks", WHOLE, AT(machine.ranks), 0},
    {"threads", WHOLE, AT(machine.threads), 0},
    {"backend", TEXT_AT(machine.backend)},
    {"instruction_set", TEXT_AT(machine.instruction_set)},
    {"version", TEXT_AT(machine.version)},
    {"host", TEXT_AT(machine.host)},
    {"process", WHOLE, AT(machine.process), 0},
    {"peak_memory_bytes", WHOLE, AT(machine.peak_memory_bytes), 0},
};
static const struct member late_members[] = {
    {"late_host", TEXT_AT(late.host)},
    {"late_process", WHOLE, AT(late.process), 0},
    {"late_phase", TEXT_AT(late.phase)},
    {"late_seconds", REAL, AT(late.seconds), 6},
};
static const struct member message_members[] = {
    {"message", TEXT_AT(message)},
    {"signal", TEXT_AT(signal)},
    {"job", TEXT_AT(job)},
};

static const struct { const struct member *list; size_t count; } groups[] = {
#define GROUP(list) {list, sizeof list / sizeof *list}
    GROUP(message_members), GROUP(progress_members), GROUP(evaluation_members), GROUP(best_members), GROUP(machine_members),
    GROUP(late_members)
};

void bit_outcome_init(struct bit_outcome *outcome)
{
    *outcome = (struct bit_outcome){.late.rank = -1, .evaluation.best = NAN};
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (size_t i = 0; i < groups[g].count; i++) {
            const struct member *m = &groups[g].list[i];
            if (m->kind == WHOLE)
                *(uint64_t *)((char *)outcome + m->at) = BIT_RECORD_UNKNOWN;
            else if (m->kind == REAL)
                *(double *)((char *)outcome + m->at) = NAN;
        }
}

/* ---- reading ---- */

static int read_member(struct bit_json_object *o, const struct member *m, struct bit_outcome *outcome)
{
    void *to = (char *)outcome + m->at;
    const cJSON *item = bit_json_take_if(o, m->name);
    if (!item || cJSON_IsNull(item))
        return 0;
    if (m->kind == WHOLE && bit_json_is_whole(item, UINT64_MAX, to))
        return 0;
    if (m->kind == REAL && cJSON_IsNumber(item))
        return *(double *)to = item->valuedouble, 0;
    if (m->kind == TEXT && cJSON_IsString(item)) /* a longer one loses its end */
        return snprintf(to, m->size, "%s", item->valuestring), 0;
    return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not %s", o->where, m->name,
                    m->kind == WHOLE ? "a whole number" : m->kind == REAL ? "a number" : "a text");
}

static int read_state(struct bit_json_object *o, struct bit_outcome *outcome)
{
    uint64_t code = 0;
    const char *state = bit_json_take_string(o, "state");
    if (!state)
        return -1;
    for (int s = BIT_RUN_RUNNING; s < BIT_RUN_STATES; s++)
        if (!strcmp(state, bit_run_state_name((enum bit_run_state)s)))
            outcome->state = (enum bit_run_state)s;
    if (outcome->state == BIT_RUN_UNKNOWN)
        return bit_fail(o->error, BIT_EDATA, "%s: there is no state \"%.32s\"", o->where, state);
    if (!bit_run_has_ended(outcome->state))
        return 0;
    const cJSON *item = bit_json_take(o, "exit_code");
    if (!item)
        return -1;
    if (!bit_json_is_whole(item, 255, &code))
        return bit_fail(o->error, BIT_EDATA, "%s: \"exit_code\" is not a whole number from 0 to 255", o->where);
    outcome->code = (enum bit_code)code;
    return 0;
}

static int read_evaluation(struct bit_json_object *o, struct bit_outcome_evaluation *e)
{
    char best[BIT_METRIC_NAME + 8];
    if (!bit_metrics_read_rows(o->json, &e->metrics))
        return bit_json_fail(o, "\"metrics\" is not made of rows of four short texts");
    if (e->metrics.count) {
        snprintf(best, sizeof best, "best_%s", e->metrics.item[0].name);
        e->best = bit_json_number(o->json, best, NAN);
    }
    return 0;
}

static int read_outcome(const cJSON *json, const char *where, struct bit_outcome *outcome, struct bit_error *error)
{
    struct bit_json_object o;
    uint64_t rank;
    if (bit_json_start(&o, json, where, error) || read_state(&o, outcome))
        return -1;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (size_t i = 0; i < groups[g].count; i++)
            if (read_member(&o, &groups[g].list[i], outcome))
                return -1;
    struct member written = {bit_run_has_ended(outcome->state) ? "ended" : "written", TEXT_AT(written)};
    if (bit_json_is_whole(cJSON_GetObjectItemCaseSensitive(json, "late_rank"), INT_MAX, &rank))
        outcome->late.rank = (int)rank;
    return read_member(&o, &written, outcome) || read_evaluation(&o, &outcome->evaluation) ? -1 : 0;
}

int bit_outcome_read(const char *folder, struct bit_outcome *outcome, struct bit_error *error)
{
    char path[PATH_MAX];
    bit_outcome_init(outcome);
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, error))
        return -1;
    cJSON *json = bit_json_read(path, OUTCOME_LIMIT, error);
    int result = json ? read_outcome(json, path, outcome, error) : -1;
    cJSON_Delete(json);
    if (result)
        bit_outcome_init(outcome);
    return result;
}

enum bit_run_state bit_outcome_state(const char *folder)
{
    struct bit_outcome outcome;
    struct bit_error ignored = {0};
    bit_outcome_read(folder, &outcome, &ignored);
    return outcome.state;
}

/* ---- writing ---- */

static void add_text(struct bit_text *t, const char *name, const char *value)
{
    bit_text_add(t, ",\n \"%s\": ", name);
    if (*value)
        bit_text_add_json(t, value);
    else
        bit_text_add(t, "null");
}

static void add_number(struct bit_text *t, const char *name, double value, int digits)
{
    bit_text_add(t, ",\n \"%s\": ", name);
    bit_json_add_number(t, value, digits);
}

static void add_members(struct bit_text *t, const struct bit_outcome *outcome, const struct member *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct member *m = &list[i];
        const void *from = (const char *)outcome + m->at;
        if (m->kind == TEXT)
            add_text(t, m->name, from);
        else if (m->kind == REAL)
            add_number(t, m->name, *(const double *)from, (int)m->size);
        else if (*(const uint64_t *)from == BIT_RECORD_UNKNOWN)
            bit_text_add(t, ",\n \"%s\": null", m->name);
        else
            bit_text_add(t, ",\n \"%s\": %llu", m->name, *(const unsigned long long *)from);
    }
}
#define ADD(t, outcome, list) add_members(t, outcome, list, sizeof list / sizeof *list)

static void add_evaluation(struct bit_text *t, const struct bit_outcome *outcome)
{
    const struct bit_outcome_evaluation *e = &outcome->evaluation;
    char best[BIT_METRIC_NAME + 8];
    bit_text_add(t, ",\n \"metrics\": ");
    bit_metrics_write_rows(&e->metrics, t);
    for (int i = 0; i < e->metrics.count; i++)
        add_number(t, e->metrics.item[i].name, e->metrics.item[i].value, 9);
    ADD(t, outcome, evaluation_members);
    if (e->metrics.count) {
        snprintf(best, sizeof best, "best_%s", e->metrics.item[0].name);
        add_number(t, best, e->best, 9);
    }
}

static void print(struct bit_text *t, const struct bit_outcome *outcome)
{
    bool ended = bit_run_has_ended(outcome->state);
    bit_text_add(t, "{\"state\": \"%s\"", bit_run_state_name(outcome->state));
    add_text(t, "reason", ended ? bit_code_name(outcome->code) : "");
    if (ended)
        bit_text_add(t, ",\n \"exit_code\": %d", (int)outcome->code);
    else
        bit_text_add(t, ",\n \"exit_code\": null");
    ADD(t, outcome, message_members);
    ADD(t, outcome, progress_members);
    add_evaluation(t, outcome);
    ADD(t, outcome, best_members);
    add_text(t, ended ? "ended" : "written", outcome->written);
    ADD(t, outcome, machine_members);
    if (outcome->late.rank >= 0) {
        bit_text_add(t, ",\n \"late_rank\": %d", outcome->late.rank);
        ADD(t, outcome, late_members);
    }
}

/* Of `folder`; takes `text`. */
static int write_text(const char *folder, const char *name, struct bit_text *text, bool durable, struct bit_error *error)
{
    char path[PATH_MAX];
    int result = -1;
    bit_text_add(text, "\n}\n");
    if (text->failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: %s", name);
    else if (bit_path_join(path, sizeof path, folder, name, error) == 0)
        result = durable ? bit_file_write(path, text->data, text->size, error)
                         : bit_file_write_cache(path, text->data, text->size, error);
    bit_text_free(text);
    return result;
}

int bit_outcome_write(const char *folder, const struct bit_outcome *outcome, struct bit_error *error)
{
    struct bit_text t = {0};
    print(&t, outcome);
    return write_text(folder, BIT_RECORD_OUTCOME, &t, bit_run_has_ended(outcome->state), error);
}

/* Of a share of the images: their number, and the 95 % interval of the share. */
static void add_count(struct bit_text *t, const struct bit_metric *m, uint64_t images)
{
    double low, high;
    if (m->count == BIT_METRIC_UNCOUNTED)
        return;
    bit_wilson(m->count, images, &low, &high);
    bit_text_add(t, ",\n \"%s_count\": %llu,\n \"%s_interval\": [", m->name, (unsigned long long)m->count, m->name);
    bit_json_add_number(t, low, 9);
    bit_text_add(t, ", ");
    bit_json_add_number(t, high, 9);
    bit_text_add(t, "]");
}

int bit_evaluation_record_write(const char *folder, const struct bit_evaluation_record *record, struct bit_error *error)
{
    struct bit_outcome machine = {.machine = record->machine};
    struct bit_text t = {0};
    char now[32];
    bit_clock_stamp(now, sizeof now);
    bit_text_add(&t, "{\"step\": %llu", (unsigned long long)record->step);
    add_number(&t, "epoch", record->epoch, 9);
    add_number(&t, "loss", record->loss, 17);
    bit_text_add(&t, ",\n \"metrics\": ");
    bit_metrics_write_rows(&record->metrics, &t);
    for (int i = 0; i < record->metrics.count; i++)
        add_number(&t, record->metrics.item[i].name, record->metrics.item[i].value, 9);
    for (int i = 0; i < record->metrics.count; i++)
        add_count(&t, &record->metrics.item[i], record->images);
    bit_text_add(&t, ",\n \"images\": %llu,\n \"bad_images\": %llu", (unsigned long long)record->images,
                 (unsigned long long)record->bad_images);
    add_number(&t, "seconds", record->seconds, 6);
    add_text(&t, "data", record->data);
    add_text(&t, "written", now);
    ADD(&t, &machine, machine_members);
    return write_text(folder, BIT_RECORD_EVALUATION, &t, true, error);
}

int bit_outcome_fail(const char *folder, enum bit_code code, const char *message, const struct bit_outcome_late *late, uint64_t step,
                     struct bit_error *error)
{
    struct bit_outcome outcome;
    struct bit_error ignored = {0};
    bit_outcome_read(folder, &outcome, &ignored);
    outcome.state = BIT_RUN_FAILED;
    outcome.code = code;
    snprintf(outcome.message, sizeof outcome.message, "%s", message);
    bit_clock_stamp(outcome.written, sizeof outcome.written);
    if (late) {
        outcome.late = *late;
        if (outcome.progress.step != step)
            *outcome.progress.weights_hash = 0; /* it was an earlier step's */
        outcome.progress.step = step;
    }
    return bit_outcome_write(folder, &outcome, error);
}
