/* libFuzzer entry for the job reader: a job's text and, after a byte 0x1E, overrides, a line each. Whatever comes in, the
 * verdict is a job or a usage error with problems, and a job's canonical form is itself again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bit/job.h"
#include "tests/fuzz/mutate.h"

enum { SETS = 8 };

static void must(int condition)
{
    if (!condition)
        abort();
}

static void read_again(const struct bit_job *job)
{
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    struct bit_schedule schedule;
    const struct bit_job *again = bit_job_parse(job->canonical, strlen(job->canonical), "again", NULL, 0, &problems, &error);
    must(again && problems.count == 0 && !strcmp(job->canonical, again->canonical) &&
         !strcmp(job->canonical_model, again->canonical_model));
    bit_schedule_create(again, 1281167, &schedule, NULL);
    bit_job_destroy(again);
    bit_problems_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = memchr(data, 0x1E, size);
    size_t text = mark ? (size_t)(mark - data) : size, count = 0;
    const char *sets[SETS];
    char *rest = NULL, *copy = calloc(1, size - text + 1);
    must(copy != NULL);
    if (mark)
        memcpy(copy, mark + 1, size - text - 1);
    for (char *line = strtok_r(copy, "\n", &rest); line && count < SETS; line = strtok_r(NULL, "\n", &rest))
        sets[count++] = line;
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    const struct bit_job *job = bit_job_parse((const char *)data, text, "fuzz", sets, count, &problems, &error);
    must(error.code == (job ? BIT_OK : BIT_EUSAGE) && (job != NULL) == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++)
        must(bit_text_is_utf8(problems.items[i].text, strlen(problems.items[i].text)));
    if (job)
        read_again(job);
    bit_job_destroy(job);
    bit_problems_free(&problems);
    free(copy);
    return 0;
}

/* Much of what a job can hold, and overrides. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const char *const texts[] = {
        "{\"name\": \"a\", \"loss\": \"sigmoid\", \"seed\": 9007199254740991, \"model\": {\"depth\": 50, \"width\": 3,"
        " \"head_bias\": -1.5e1}, \"data\": {\"train\": \"caf\\u00e9/\\\\\", \"resize\": null, \"mirror\": false},"
        " \"schedule\": {\"epochs\": 2.5, \"batch\": 64, \"decay_epochs\": [0.5, 1, 2]}}",
        "{\"data\": {\"train\": \"x\"}, \"schedule\": {\"steps\": 10, \"decay_steps\": []}}\x1Eschedule.batch=64\nmodel.width=2\n",
    };
    size_t size = (size_t)which < sizeof texts / sizeof *texts ? strlen(texts[which]) : 0;
    if (size > capacity)
        return 0;
    memcpy(data, size ? texts[which] : "", size);
    return size;
}
