#include "bit/machine.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0 ? item->valuedouble : 0;
}

static int count_of(const cJSON *object, const char *name)
{
    double value = number_of(object, name);
    return value < 1e9 ? (int)value : 0;
}

static void text_of(const cJSON *object, const char *name, char *text, size_t size)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    snprintf(text, size, "%s", value ? value : "");
}

static void read_compute(const cJSON *o, struct bit_machine_compute *c)
{
    text_of(o, "model", c->model, sizeof c->model);
    text_of(o, "precision", c->precision, sizeof c->precision);
    text_of(o, "backend", c->backend, sizeof c->backend);
    c->size = count_of(o, "size");
    c->micro_batch = count_of(o, "micro_batch");
    c->threads = count_of(o, "threads");
    c->processes = count_of(o, "processes");
    c->cores = count_of(o, "cores");
    c->flops_an_image = number_of(o, "flops_an_image");
    c->parameters = number_of(o, "parameters");
    c->forward = number_of(o, "forward_seconds");
    c->backward = number_of(o, "backward_seconds");
    c->fixed = number_of(o, "fixed_seconds");
    c->update = number_of(o, "update_seconds");
}

static void read_network(const cJSON *o, struct bit_machine_network *n)
{
    n->ranks = count_of(o, "ranks");
    n->latency = number_of(o, "latency_seconds");
    n->bandwidth = number_of(o, "bytes_per_second");
    n->reduce = number_of(o, "reduce_bytes_per_second");
    n->gather = number_of(o, "gather_bytes_per_second");
    n->cpu = number_of(o, "cpu_seconds_a_byte");
}

static bool sound(const struct bit_machine *m)
{
    for (int i = 0; i < m->computes; i++) {
        const struct bit_machine_compute *c = &m->compute[i];
        if (!*c->model || c->micro_batch < 1 || c->threads < 1 || c->processes < 1 || c->cores < 1 || !(c->flops_an_image > 0) ||
            !(c->parameters > 0) || !(c->forward > 0) || !(c->backward > 0))
            return false;
    }
    return (!m->node.ranks || (m->node.reduce > 0 && m->node.gather > 0)) &&
           (!m->network.ranks || (m->network.reduce > 0 && m->network.gather > 0));
}

int bit_machine_read(const char *path, bool new, struct bit_machine *machine, struct bit_error *error)
{
    char *text;
    size_t size;
    const cJSON *item;
    *machine = (struct bit_machine){.computes = 0};
    if (new && !bit_file_exists(path))
        return 0;
    if (bit_file_read(path, 1 << 20, &text, &size, error))
        return -1;
    cJSON *object = cJSON_ParseWithLength(text, size);
    bool good = cJSON_IsObject(object);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "compute"))
        if (machine->computes < BIT_MACHINE_COMPUTES)
            read_compute(item, &machine->compute[machine->computes++]);
    read_network(cJSON_GetObjectItemCaseSensitive(object, "node"), &machine->node);
    read_network(cJSON_GetObjectItemCaseSensitive(object, "network"), &machine->network);
    machine->decode = number_of(object, "decode_seconds");
    good = good && sound(machine);
    cJSON_Delete(object);
    bit_free(text);
    return good ? 0 : bit_fail(error, BIT_EDATA, "%s is not what bit bench --fit writes: remove it and measure again", path);
}

static void add_network(struct bit_text *t, const char *name, const struct bit_machine_network *n)
{
    if (n->ranks)
        bit_text_add(t, ",\n \"%s\": {\"ranks\": %d, \"latency_seconds\": %.6g, \"bytes_per_second\": %.6g, "
                     "\"reduce_bytes_per_second\": %.6g, \"gather_bytes_per_second\": %.6g, \"cpu_seconds_a_byte\": %.6g}", name,
                     n->ranks, n->latency, n->bandwidth, n->reduce, n->gather, n->cpu);
}

int bit_machine_write(const char *path, const struct bit_machine *m, struct bit_error *error)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"decode_seconds\": %.6g,\n \"compute\": [", m->decode);
    for (int i = 0; i < m->computes; i++) {
        const struct bit_machine_compute *c = &m->compute[i];
        bit_text_add(&t, "%s\n  {\"model\": \"%s\", \"size\": %d, \"precision\": \"%s\", \"backend\": \"%s\", \"micro_batch\": %d, "
                     "\"threads\": %d, \"processes\": %d, \"cores\": %d, \"flops_an_image\": %.9g, \"parameters\": %.0f, "
                     "\"forward_seconds\": %.6g, \"backward_seconds\": %.6g, \"fixed_seconds\": %.6g, \"update_seconds\": %.6g}", i ? "," : "", c->model,
                     c->size, c->precision, c->backend, c->micro_batch, c->threads, c->processes, c->cores, c->flops_an_image,
                     c->parameters, c->forward, c->backward, c->fixed, c->update);
    }
    bit_text_add(&t, "]");
    add_network(&t, "node", &m->node);
    add_network(&t, "network", &m->network);
    bit_text_add(&t, "}\n");
    int result = t.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: %s", path)
                          : bit_file_write(path, t.data, t.size, error);
    bit_text_free(&t);
    return result;
}

int bit_machine_add(struct bit_machine *m, const struct bit_machine_compute *c, struct bit_error *error)
{
    int i = 0;
    while (i < m->computes) {
        const struct bit_machine_compute *o = &m->compute[i];
        if (!strcmp(o->model, c->model) && !strcmp(o->precision, c->precision) && !strcmp(o->backend, c->backend) &&
            o->size == c->size && o->micro_batch == c->micro_batch && o->threads == c->threads && o->processes == c->processes)
            break;
        i++;
    }
    if (i == BIT_MACHINE_COMPUTES)
        return bit_fail(error, BIT_EUSAGE, "the machine's file holds %d measurements already: remove it", i);
    m->compute[i] = *c;
    m->computes += i == m->computes;
    return 0;
}
