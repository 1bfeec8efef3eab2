/* Small questions to the table of keys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job/keys.h"

int job_key_find(const char *path)
{
    for (size_t i = 0; i < job_key_count; i++)
        if (!strcmp(job_keys[i].path, path))
            return (int)i;
    return -1;
}

size_t job_key_section_length(const char *path)
{
    const char *dot = strchr(path, '.');
    return dot ? (size_t)(dot - path) : 0;
}

void job_number_text(double number, char buffer[40])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, 40, "%.*g", digits, number == 0 ? 0.0 : number);
        if (strtod(buffer, NULL) == number)
            break;
    }
    /* 3e+05 reads back, but 300000 reads better. */
    if (fabs(number) < 1e15 && number == floor(number))
        snprintf(buffer, 40, "%.0f", number == 0 ? 0.0 : number);
}

const char *job_key_default(const struct key *key, const struct bit_job *job)
{
    return key->detection && job->task && !strcmp(job->task, "detect") ? key->detection : key->value;
}

static void range_text(const struct key *key, char *buffer, size_t size)
{
    char low[40], high[40];
    job_number_text(key->minimum, low);
    job_number_text(key->maximum, high);
    if (key->above)
        snprintf(buffer, size, " above %s, at most %s", low, high);
    else
        snprintf(buffer, size, " from %s to %s", low, high);
}

static void choices_text(const struct key *key, char *buffer, size_t size)
{
    const char *quote = key->type == KEY_TEXT && !key->several ? "\"" : "";
    size_t used = (size_t)snprintf(buffer, size, key->several ? "some of" : strchr(key->choices, '|') ? "one of" : "");
    const char *separator = used ? " " : "";
    for (const char *c = key->choices; *c && used < size; separator = ", ") {
        size_t length = strcspn(c, "|");
        used += (size_t)snprintf(buffer + used, size - used, "%s%s%.*s%s", separator, quote, (int)length, c, quote);
        c += length + (c[length] == '|');
    }
    if (key->several && used < size)
        snprintf(buffer + used, size - used, ", with commas between");
}

void job_key_expected(const struct key *key, char *buffer, size_t size)
{
    static const char *const kinds[] = {"a whole number", "a whole number", "a number", "true or false", "a text",
                                        "a path", "a list of ascending numbers",
                                        "a list of ascending whole numbers", "a list of numbers", "a list of numbers"};
    char what[200];
    range_text(key, what, sizeof what);
    if (key->choices)
        choices_text(key, buffer, size);
    else if (key->type == KEY_FLAG || key->type == KEY_TEXT || key->type == KEY_PATH)
        snprintf(buffer, size, "%s", kinds[key->type]);
    else if (key->type == KEY_REALS || key->type == KEY_COUNTS)
        snprintf(buffer, size, "%s (at most %d)%s", kinds[key->type], BIT_JOB_DECAYS, what);
    else if (key->type == KEY_NUMBERS)
        snprintf(buffer, size, "%s (1 to %d)%s", kinds[key->type], BIT_JOB_NUMBERS, what);
    else if (key->type == KEY_BLOCKS)
        snprintf(buffer, size, "%s (%d)%s", kinds[key->type], BIT_JOB_BLOCKS, what);
    else
        snprintf(buffer, size, "%s%s", kinds[key->type], what);
    if (key->nullable) {
        size_t used = strlen(buffer);
        snprintf(buffer + used, size - used, ", or null");
    }
}

/* What other programs call our keys. */
static const struct { const char *foreign, *ours; } synonyms[] = {
    {"lr", "schedule.base_rate"}, {"learning_rate", "schedule.base_rate"}, {"rate", "schedule.base_rate"},
    {"batch_size", "schedule.batch"}, {"num_classes", "model.classes"}, {"num_epochs", "schedule.epochs"},
    {"max_epochs", "schedule.epochs"}, {"max_steps", "schedule.steps"}, {"image_size", "data.size"},
    {"resolution", "data.size"}, {"workers", "data.loaders"}, {"num_workers", "data.loaders"},
    {"warmup", "schedule.warmup_steps"}, {"wd", "schedule.weight_decay"}, {"flip", "data.mirror"},
    {"dtype", "precision"}, {"arch", "model.depth"}, {"train_dir", "data.train"}, {"val_dir", "data.val"},
    {"validation", "data.val"}, {"random_seed", "seed"}, {"num_threads", "threads"},
};

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

const char *job_key_suggest(const char *misspelt)
{
    const char *names[KEYS_MOST], *best;
    char path[128];
    snprintf(path, sizeof path, "%s", misspelt);
    for (char *c = path; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    size_t count = 0, section = job_key_section_length(path);
    for (size_t i = 1; i < job_section_count && section == 0; i++)
        names[count++] = job_sections[i].name;
    for (size_t i = 0; i < job_key_count; i++)
        if (job_key_section_length(job_keys[i].path) == section && !strncmp(job_keys[i].path, path, section))
            names[count++] = last_part(job_keys[i].path);
    /* A near name within the section; then the same name elsewhere; then what others call it; then any near path. */
    best = bit_text_nearest(last_part(path), names, count);
    for (size_t i = 1; i < job_section_count && best && section == 0; i++)
        if (best == job_sections[i].name)
            return best;
    for (size_t i = 0; i < job_key_count && best; i++)
        if (job_key_section_length(job_keys[i].path) == section && !strncmp(job_keys[i].path, path, section) &&
            last_part(job_keys[i].path) == best)
            return job_keys[i].path;
    for (size_t i = 0; i < job_key_count; i++)
        if (!strcmp(last_part(job_keys[i].path), last_part(path)))
            return job_keys[i].path;
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (!strcmp(synonyms[i].foreign, last_part(path)))
            return synonyms[i].ours;
    for (size_t i = 0; i < job_key_count; i++)
        names[i] = job_keys[i].path;
    return bit_text_nearest(path, names, job_key_count);
}
