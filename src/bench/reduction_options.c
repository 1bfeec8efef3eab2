/* How the reduction is to be measured, as one word of a command line. */
#include <stdlib.h>
#include <string.h>

#include "bench/reduction.h"

void reduction_options_write(const struct reduction_options *o, char *how, size_t size)
{
    snprintf(how, size, "elements=%zu,bucket=%zu,rounds=%d,threads=%d,milliseconds=%.0f,json=%d%s%s", o->elements, o->bucket_elements,
             o->rounds, o->threads, 1e3 * o->compute_seconds, o->json, o->fit ? ",fit=" : "", o->fit ? o->fit : "");
}

static int at_most(unsigned long long value, int limit)
{
    return value < (unsigned long long)limit ? (int)value : limit;
}

int reduction_options_read(const char *how, struct reduction_options *o, struct bit_error *error)
{
    unsigned long long elements = 25557032, bucket = 0, rounds = 5, threads = 1, milliseconds = 1000, json = 0;
    const struct { const char *name; unsigned long long *value; } keys[] = {
        {"elements=", &elements}, {"bucket=", &bucket}, {"rounds=", &rounds}, {"threads=", &threads},
        {"milliseconds=", &milliseconds}, {"json=", &json}};
    enum { KEYS = sizeof keys / sizeof *keys };
    *o = (struct reduction_options){.fit = NULL};
    for (const char *at = how; *at;) {
        if (!strncmp(at, "fit=", 4) && at[4]) { /* the last one: a name may hold anything */
            o->fit = at + 4;
            break;
        }
        size_t k = 0;
        while (k < KEYS && strncmp(at, keys[k].name, strlen(keys[k].name)))
            k++;
        const char *digits = k < KEYS ? at + strlen(keys[k].name) : "";
        char *end;
        unsigned long long value = strtoull(digits, &end, 10);
        if (*digits < '0' || *digits > '9' || (*end && *end != ',') || value > 1000000000000)
            return bit_fail(error, BIT_EUSAGE, "--bench-reduce %s: expected elements, bucket, rounds, threads, milliseconds, "
                            "json or fit, = and a whole number at '%s'; bit bench reduce puts this together", how, at);
        *keys[k].value = value;
        at = *end ? end + 1 : end;
    }
    o->elements = elements;
    o->bucket_elements = bucket;
    o->rounds = at_most(rounds, 1001); /* more than are allowed */
    o->threads = at_most(threads, 4096);
    o->compute_seconds = 1e-3 * (double)milliseconds;
    o->json = json != 0;
    return 0;
}
