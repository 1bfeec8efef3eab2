#include "bit/machine.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0 ? item->valuedouble : 0;
}

/* The members of the file's objects, in their order. size: of a text; 0: a number. */
struct member { const char *name; size_t at, size; bool whole; };
#define TEXT(type, name, field) {name, offsetof(struct type, field), sizeof((struct type *)0)->field, false}
#define WHOLE(type, name, field) {name, offsetof(struct type, field), 0, true}
#define NUMBER(type, name, field) {name, offsetof(struct type, field), 0, false}
static const struct member compute_members[] = {
    TEXT(bit_machine_compute, "model", model), WHOLE(bit_machine_compute, "size", size),
    TEXT(bit_machine_compute, "precision", precision), TEXT(bit_machine_compute, "backend", backend),
    WHOLE(bit_machine_compute, "micro_batch", micro_batch), WHOLE(bit_machine_compute, "threads", threads),
    WHOLE(bit_machine_compute, "processes", processes), WHOLE(bit_machine_compute, "cores", cores),
    NUMBER(bit_machine_compute, "flops_an_image", flops_an_image), NUMBER(bit_machine_compute, "parameters", parameters),
    NUMBER(bit_machine_compute, "forward_seconds", forward), NUMBER(bit_machine_compute, "backward_seconds", backward),
    NUMBER(bit_machine_compute, "fixed_seconds", fixed), NUMBER(bit_machine_compute, "update_seconds", update), {0},
};
static const struct member network_members[] = {
    WHOLE(bit_machine_network, "ranks", ranks), NUMBER(bit_machine_network, "latency_seconds", latency),
    NUMBER(bit_machine_network, "bytes_per_second", bandwidth), NUMBER(bit_machine_network, "reduce_bytes_per_second", reduce),
    NUMBER(bit_machine_network, "gather_bytes_per_second", gather), NUMBER(bit_machine_network, "cpu_seconds_a_byte", cpu), {0},
};

static void read_members(const cJSON *object, const struct member *members, void *to)
{
    for (const struct member *m = members; m->name; m++) {
        char *place = (char *)to + m->at;
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, m->name));
        double number = number_of(object, m->name);
        if (m->size)
            snprintf(place, m->size, "%s", text ? text : "");
        else if (m->whole)
            *(int *)place = number < 1e9 ? (int)number : 0;
        else
            *(double *)place = number;
    }
}

static void add_members(struct bit_text *t, const struct member *members, const void *from)
{
    for (const struct member *m = members; m->name; m++) {
        const char *place = (const char *)from + m->at;
        bit_text_add(t, "%s\"%s\": ", m == members ? "{" : ", ", m->name);
        if (m->size)
            bit_text_add(t, "\"%s\"", place);
        else if (m->whole)
            bit_text_add(t, "%d", *(const int *)place);
        else
            bit_text_add(t, "%.10g", *(const double *)place);
    }
    bit_text_add(t, "}");
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
            read_members(item, compute_members, &machine->compute[machine->computes++]);
    read_members(cJSON_GetObjectItemCaseSensitive(object, "node"), network_members, &machine->node);
    read_members(cJSON_GetObjectItemCaseSensitive(object, "network"), network_members, &machine->network);
    machine->decode = number_of(object, "decode_seconds");
    good = good && sound(machine);
    cJSON_Delete(object);
    bit_free(text);
    return good ? 0 : bit_fail(error, BIT_EDATA, "%s is not what bit bench --fit writes: remove it and measure again", path);
}

int bit_machine_write(const char *path, const struct bit_machine *m, struct bit_error *error)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"decode_seconds\": %.6g,\n \"compute\": [", m->decode);
    for (int i = 0; i < m->computes; i++) {
        bit_text_add(&t, "%s\n  ", i ? "," : "");
        add_members(&t, compute_members, &m->compute[i]);
    }
    bit_text_add(&t, "]");
    for (int within = 1; within >= 0; within--) {
        const struct bit_machine_network *n = within ? &m->node : &m->network;
        if (!n->ranks)
            continue;
        bit_text_add(&t, ",\n \"%s\": ", within ? "node" : "network");
        add_members(&t, network_members, n);
    }
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
