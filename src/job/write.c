/* Canonical JSON: every key in the order of the table, no white space, shortest numbers that read back the same. */
#include <math.h>
#include <string.h>

#include "bit/memory.h"
#include "job/read.h"

static bool is_null(const struct key *k, const struct bit_job *job)
{
    if (!k->nullable)
        return false;
    double x = 0;
    switch (k->type) {
    case KEY_REALS: return job->schedule.decays_in_steps;
    case KEY_COUNTS: return !job->schedule.decays_in_steps;
    case KEY_REAL: x = *(const double *)key_member_const(k, job); break;
    case KEY_COUNT: x = (double)*(const uint64_t *)key_member_const(k, job); break;
    case KEY_INTEGER: x = *(const int *)key_member_const(k, job); break;
    default: return false;
    }
    return isnan(k->null_number) ? isnan(x) : x == k->null_number;
}

static void add_number(struct bit_text *t, double x)
{
    char buffer[40];
    job_number_text(x, buffer);
    bit_text_add(t, "%s", buffer);
}

static void add_numbers(struct bit_text *t, const double *value, int count)
{
    for (int i = 0; i < count; i++) {
        bit_text_add(t, i ? "," : "[");
        add_number(t, value[i]);
    }
    bit_text_add(t, "]");
}

static void add_value(struct bit_text *t, const struct key *k, const struct bit_job *job)
{
    const void *member = key_member_const(k, job);
    if (job_key_open(job, (int)(k - job_keys)) || is_null(k, job)) {
        bit_text_add(t, "null");
        return;
    }
    switch (k->type) {
    case KEY_INTEGER: add_number(t, *(const int *)member); break;
    case KEY_COUNT: add_number(t, (double)*(const uint64_t *)member); break;
    case KEY_REAL: add_number(t, *(const double *)member); break;
    case KEY_FLAG: bit_text_add(t, "%s", *(const bool *)member ? "true" : "false"); break;
    case KEY_TEXT:
    case KEY_PATH: bit_text_add_json(t, *(char *const *)member); break;
    case KEY_BLOCKS: add_numbers(t, member, BIT_JOB_BLOCKS); break;
    case KEY_NUMBERS: {
        const struct bit_job_numbers *numbers = member;
        add_numbers(t, numbers->value, numbers->count);
        break;
    }
    case KEY_REALS:
    case KEY_COUNTS:
        bit_text_add(t, "[");
        for (int i = 0; i < job->schedule.decays; i++) {
            bit_text_add(t, i ? "," : "");
            add_number(t, k->type == KEY_REALS ? ((const double *)member)[i] : (double)((const uint64_t *)member)[i]);
        }
        bit_text_add(t, "]");
    }
}

int job_value_is_default(const struct bit_job *job, int key, struct bit_error *error)
{
    struct bit_text t = {0};
    add_value(&t, &job_keys[key], job);
    const char *value = job_key_default(&job_keys[key], job);
    const bool failed = t.failed, same = !failed && value && !strcmp(t.data, value);
    bit_text_free(&t);
    return failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: a value of the job") : same;
}

static char *write_keys(const struct bit_job *job, bool model_only, struct bit_error *error)
{
    struct bit_text t = {0};
    const char *comma = "";
    bit_text_add(&t, "{");
    for (size_t s = 0; s < job_section_count; s++) {
        const char *section = job_sections[s].name;
        size_t length = strlen(section), written = 0;
        for (size_t i = 0; i < job_key_count; i++) {
            const struct key *k = &job_keys[i];
            if (job_key_section_length(k->path) != length || strncmp(k->path, section, length) ||
                (model_only && !k->model))
                continue;
            if (length && !written)
                bit_text_add(&t, "%s\"%s\":{", comma, section);
            bit_text_add(&t, "%s\"%s\":", length && !written ? "" : comma, k->path + length + (length > 0));
            add_value(&t, k, job);
            comma = ",";
            written++;
        }
        if (length && written)
            bit_text_add(&t, "}");
    }
    bit_text_add(&t, "}");
    if (t.failed) {
        bit_text_free(&t);
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: the canonical job");
        return NULL;
    }
    return t.data;
}

char *bit_job_model(const struct bit_job *job, int classes, struct bit_error *error)
{
    struct bit_job resolved = *job;
    resolved.model.classes = classes;
    return write_keys(&resolved, true, error);
}

int job_write(struct bit_job *job, struct bit_error *error)
{
    job->canonical = write_keys(job, false, error);
    job->canonical_model = job->canonical ? write_keys(job, true, error) : NULL;
    return job->canonical_model ? 0 : -1;
}
