/* ONNX, operator set 13, which Debian 12's checker and everything newer know. Kernels are written standardised, so that the graph
 * has plain convolutions. Group norm is instance norm over 32 rows a picture, then gamma and beta.
 *
 * The graph follows the table, which stands in forward order: a kernel becomes a convolution of the newest value, a gamma with its
 * beta a norm and ReLU. A unit's shortcut begins before its first norm, or behind it where there is a projection. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "exchange/protobuf.h"
#include "exchange/write.h"

/* Field numbers of onnx.proto. */
enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPERATORS = 8, MODEL_METADATA = 14,
       GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12,
       NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTRIBUTE = 5,
       ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INTEGER = 3, ATTRIBUTE_INTEGERS = 8, ATTRIBUTE_TYPE = 20,
       TENSOR_SIZE = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9, TENSOR_EXTERNAL = 13, TENSOR_LOCATION = 14 };
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7, KIND_FLOAT = 1, KIND_INTEGER = 2, KIND_INTEGERS = 7 };
enum { IR_VERSION = 7, OPERATORS = 13, GROUPS = 32 };
static const uint64_t FILE_LIMIT = 2000000000; /* protobuf's is 2^31 - 1 */

enum { VALUE = 128 };
struct graph {
    const struct bit_weights_export *e;
    struct message nodes;
    char value[VALUE];     /* the newest */
    char shortcut[VALUE];  /* of the unit under way */
    char normed[VALUE];    /* the unit's first norm's output */
    struct bit_error *error;
};

/* ---- nodes ---- */

static void attribute_integers(struct message *node, const char *name, const int *values, int count)
{
    struct message a = {0};
    message_text(&a, ATTRIBUTE_NAME, name);
    for (int i = 0; i < count; i++)
        message_whole(&a, ATTRIBUTE_INTEGERS, (uint64_t)values[i]);
    message_whole(&a, ATTRIBUTE_TYPE, KIND_INTEGERS);
    message_add(node, NODE_ATTRIBUTE, &a);
}

static void attribute_float(struct message *node, const char *name, float value)
{
    struct message a = {0};
    message_text(&a, ATTRIBUTE_NAME, name);
    message_float(&a, ATTRIBUTE_FLOAT, value);
    message_whole(&a, ATTRIBUTE_TYPE, KIND_FLOAT);
    message_add(node, NODE_ATTRIBUTE, &a);
}

static struct message node_start(const char *type, const char *const *inputs, int count, const char *output)
{
    struct message node = {0};
    for (int i = 0; i < count; i++)
        message_text(&node, NODE_INPUT, inputs[i]);
    message_text(&node, NODE_OUTPUT, output);
    message_text(&node, NODE_NAME, output);
    message_text(&node, NODE_TYPE, type);
    return node;
}

/* A node without attributes, of the newest value and perhaps another. */
static void simple(struct graph *g, const char *type, const char *other, const char *output)
{
    const char *const inputs[] = {g->value, other};
    struct message node = node_start(type, inputs, other ? 2 : 1, output);
    message_add(&g->nodes, GRAPH_NODE, &node);
    snprintf(g->value, VALUE, "%.*s", VALUE - 1, output);
}

static void convolution(struct graph *g, const char *input, const char *kernel, const char *bias, int size, int stride,
                        const char *output)
{
    const char *const inputs[] = {input, kernel, bias};
    struct message node = node_start("Conv", inputs, bias ? 3 : 2, output);
    const int side = (size - 1) / 2;
    attribute_integers(&node, "kernel_shape", (int[]){size, size}, 2);
    attribute_integers(&node, "strides", (int[]){stride, stride}, 2);
    attribute_integers(&node, "pads", (int[]){side, side, side, side}, 4);
    message_add(&g->nodes, GRAPH_NODE, &node);
    snprintf(g->value, VALUE, "%.*s", VALUE - 1, output);
}

/* The root's pooling pads with zeros, which MaxPool's own padding does not. */
static void pool(struct graph *g)
{
    simple(g, "Pad", "pads", "root/padded");
    const char *const inputs[] = {g->value};
    struct message node = node_start("MaxPool", inputs, 1, "root/pooled");
    attribute_integers(&node, "kernel_shape", (int[]){3, 3}, 2);
    attribute_integers(&node, "strides", (int[]){2, 2}, 2);
    message_add(&g->nodes, GRAPH_NODE, &node);
    snprintf(g->value, VALUE, "root/pooled");
}

/* Group norm and ReLU of the newest value; `gamma`: its parameter's name. */
static void norm(struct graph *g, const char *gamma)
{
    char at[VALUE], beta[VALUE], shape[VALUE + 8], name[VALUE + 16];
    snprintf(at, sizeof at, "%.*s", (int)(strlen(gamma) - strlen("/gamma")), gamma);
    snprintf(beta, sizeof beta, "%.100s/beta", at);
    snprintf(shape, sizeof shape, "%.100s/shape", at);
    const char *const from[] = {g->value};
    struct message node = node_start("Shape", from, 1, shape);
    message_add(&g->nodes, GRAPH_NODE, &node);
    snprintf(name, sizeof name, "%.100s/groups", at);
    simple(g, "Reshape", "grouped", name);
    const char *const inputs[] = {g->value, "ones", "zeros"};
    snprintf(name, sizeof name, "%.100s/normalised", at);
    node = node_start("InstanceNormalization", inputs, 3, name);
    attribute_float(&node, "epsilon", 1e-5f);
    message_add(&g->nodes, GRAPH_NODE, &node);
    snprintf(g->value, VALUE, "%.*s", VALUE - 1, name);
    snprintf(name, sizeof name, "%.100s/ungrouped", at);
    simple(g, "Reshape", shape, name);
    snprintf(name, sizeof name, "%.100s/scaled", at);
    simple(g, "Mul", gamma, name);
    snprintf(name, sizeof name, "%.100s/shifted", at);
    simple(g, "Add", beta, name);
    snprintf(name, sizeof name, "%.100s/relu", at);
    simple(g, "Relu", NULL, name);
}

static void unit_kernel(struct graph *g, const struct names_place *p, const char *name, const char *output)
{
    const int stride = p->unit == 1 && p->block > 1 ? 2 : 1;
    char sum[VALUE];
    if (p->letter == 'p') { /* beside the main path, whose newest value stays */
        char value[VALUE];
        memcpy(value, g->value, sizeof value);
        convolution(g, g->normed, name, NULL, 1, stride, output);
        memcpy(g->shortcut, g->value, sizeof g->shortcut);
        memcpy(g->value, value, sizeof value);
        return;
    }
    convolution(g, g->value, name, NULL, p->letter == 'b' ? 3 : 1, p->letter == 'b' ? stride : 1, output);
    if (p->letter != 'c')
        return;
    snprintf(sum, sizeof sum, "block%d/unit%02d/sum", p->block, p->unit);
    simple(g, "Add", g->shortcut, sum);
}

static void visit(struct graph *g, size_t i)
{
    const char *name = g->e->table->items[i].name;
    struct names_place p;
    char output[VALUE];
    if (export_place(g->e, i, &p, g->error) || p.what == 'b' || p.what == 'B')
        return;
    snprintf(output, sizeof output, "%.100s/output", name);
    if (p.what == 'g') {
        const bool first = p.part == NAMES_UNIT && p.letter == 'a';
        if (first)
            memcpy(g->shortcut, g->value, sizeof g->shortcut);
        norm(g, name);
        if (first)
            memcpy(g->normed, g->value, sizeof g->normed);
    } else if (p.part == NAMES_ROOT) {
        convolution(g, "images", name, NULL, 7, 2, output);
        pool(g);
    } else if (p.part == NAMES_HEAD) {
        simple(g, "GlobalAveragePool", NULL, "features");
        convolution(g, g->value, name, "resnet/head/conv2d/bias", 1, 1, output);
        simple(g, "Flatten", NULL, "logits");
    } else {
        unit_kernel(g, &p, name, output);
    }
}

/* ---- tensors ---- */

/* Everything of parameter i's tensor but its numbers. */
static void tensor_describe(const struct bit_weights_export *e, size_t i, struct message *t)
{
    static const int turned[] = {3, 2, 0, 1};
    const struct bit_parameter *p = &e->table->items[i];
    if (p->dimensions == 4)
        for (int d = 0; d < 4; d++)
            message_whole(t, TENSOR_SIZE, p->shape[turned[d]]);
    else
        message_whole(t, TENSOR_SIZE, p->count);
    if (p->kind == BIT_GAMMA || p->kind == BIT_BETA) /* [channels, 1, 1], to be multiplied with pictures */
        for (int d = 0; d < 2; d++)
            message_whole(t, TENSOR_SIZE, 1);
    message_whole(t, TENSOR_TYPE, TYPE_FLOAT);
    message_text(t, TENSOR_NAME, p->name);
}

static void entry(struct message *t, int field, const char *key, const char *value)
{
    struct message pair = {0};
    message_text(&pair, 1, key);
    message_text(&pair, 2, value);
    message_add(t, field, &pair);
}

static void entry_whole(struct message *t, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    entry(t, TENSOR_EXTERNAL, key, text);
}

static void add_constants(struct message *m)
{
    float ones[GROUPS], zeros[GROUPS] = {0};
    static const int64_t pads[] = {0, 0, 1, 1, 0, 0, 1, 1}, grouped[] = {0, GROUPS, -1};
    for (int i = 0; i < GROUPS; i++)
        ones[i] = 1;
    const struct { const char *name; int type; const void *data; size_t count, size; } constants[] = {
        {"ones", TYPE_FLOAT, ones, GROUPS, sizeof *ones}, {"zeros", TYPE_FLOAT, zeros, GROUPS, sizeof *zeros},
        {"pads", TYPE_INT64, pads, 8, sizeof *pads}, {"grouped", TYPE_INT64, grouped, 3, sizeof *grouped}};
    for (size_t i = 0; i < 4; i++) {
        struct message t = {0};
        message_whole(&t, TENSOR_SIZE, constants[i].count);
        message_whole(&t, TENSOR_TYPE, (uint64_t)constants[i].type);
        message_text(&t, TENSOR_NAME, constants[i].name);
        message_bytes(&t, TENSOR_RAW, constants[i].data, constants[i].count * constants[i].size);
        message_add(m, GRAPH_INITIALIZER, &t);
    }
}

/* sizes: names of those that are open, NULL: `fixed` instead. */
static void add_value(struct message *graph, int field, const char *name, const char *const *sizes, const size_t *fixed, int count)
{
    struct message shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (int i = 0; i < count; i++) {
        struct message size = {0};
        if (sizes[i])
            message_text(&size, 2, sizes[i]);
        else
            message_whole(&size, 1, fixed[i]);
        message_add(&shape, 1, &size);
    }
    message_whole(&tensor, 1, TYPE_FLOAT);
    message_add(&tensor, 2, &shape);
    message_add(&type, 1, &tensor);
    message_text(&value, 1, name);
    message_add(&value, 2, &type);
    message_add(graph, field, &value);
}

/* ---- the file ---- */

/* The numbers of parameter i, as the graph wants them. */
static int write_numbers(const struct bit_weights_export *e, size_t i, struct output *o, struct bit_error *error)
{
    struct view view;
    int result = view_make(&view, e, i, LAYOUT_OIHW, e->weight_standardization, error);
    if (!result)
        result = output_write(o, view.values, e->table->items[i].count * sizeof(float), error);
    bit_free(view.own);
    return result;
}

static int write_message(struct output *o, struct message *m, struct bit_error *error)
{
    if (m->failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: an ONNX graph");
    int result = error->code ? -1 : output_write(o, m->data, m->size, error);
    message_free(m);
    return result;
}

/* Field of parameter i's tensor up to its numbers; what it takes in the graph goes to *size. location: file of the numbers, or NULL. */
static struct message tensor_lead(const struct bit_weights_export *e, size_t i, const char *location, uint64_t at, uint64_t *size)
{
    const uint64_t bytes = e->table->items[i].count * sizeof(float);
    struct message tensor = {0}, lead = {0};
    tensor_describe(e, i, &tensor);
    if (location) {
        entry(&tensor, TENSOR_EXTERNAL, "location", location);
        entry_whole(&tensor, "offset", at);
        entry_whole(&tensor, "length", bytes);
        message_whole(&tensor, TENSOR_LOCATION, 1);
    } else {
        message_lead(&tensor, TENSOR_RAW, bytes);
    }
    const uint64_t inside = location ? 0 : bytes;
    message_lead(&lead, GRAPH_INITIALIZER, tensor.size + inside);
    *size = lead.size + tensor.size + inside;
    message_append(&lead, &tensor);
    return lead;
}

/* All of the graph but nodes and parameters. */
static void add_rest(const struct bit_weights_export *e, struct message *m)
{
    static const char *const picture[] = {"batch", NULL, "height", "width"}, *const result[] = {"batch", NULL};
    const struct bit_parameter *last = &e->table->items[e->table->count - 1];
    char name[32];
    snprintf(name, sizeof name, "R%dx%d", e->depth, e->width);
    message_text(m, GRAPH_NAME, name);
    add_constants(m);
    add_value(m, GRAPH_INPUT, "images", picture, (size_t[]){0, 3, 0, 0}, 4);
    add_value(m, GRAPH_OUTPUT, "logits", result, (size_t[]){0, last->count}, 2);
}

static void add_model(const struct bit_weights_export *e, uint64_t graph_size, struct message *m)
{
    struct message operators = {0};
    message_whole(m, MODEL_IR, IR_VERSION);
    message_text(m, MODEL_PRODUCER, PACKAGE_STRING);
    message_whole(&operators, 2, OPERATORS);
    message_add(m, MODEL_OPERATORS, &operators);
    if (*e->classes)
        entry(m, MODEL_METADATA, "classes", e->classes);
    if (e->origin)
        entry(m, MODEL_METADATA, "origin", e->origin);
    message_lead(m, MODEL_GRAPH, graph_size);
}

/* The model's file; the numbers within it, or, with a location, to `numbers`. */
static int write_model(struct graph *g, struct output *o, const char *location, struct output *numbers)
{
    const struct bit_weights_export *e = g->e;
    struct message rest = {0}, model = {0};
    uint64_t whole = 0, size, at = 0;
    for (size_t i = 0; i < e->table->count; i++)
        visit(g, i);
    add_rest(e, &rest);
    for (size_t i = 0; i < e->table->count; i++, whole += size) {
        struct message lead = tensor_lead(e, i, location, at, &size);
        at += e->table->items[i].count * sizeof(float);
        message_free(&lead);
    }
    add_model(e, whole + g->nodes.size + rest.size, &model);
    write_message(o, &model, g->error);
    write_message(o, &g->nodes, g->error);
    write_message(o, &rest, g->error);
    at = 0;
    for (size_t i = 0; i < e->table->count && !g->error->code; i++) {
        struct message lead = tensor_lead(e, i, location, at, &size);
        at += e->table->items[i].count * sizeof(float);
        if (write_message(o, &lead, g->error) == 0)
            write_numbers(e, i, numbers, g->error);
    }
    return g->error->code ? -1 : 0;
}

int bit_weights_write_onnx(const struct bit_weights_export *e, const char *path, struct bit_error *error)
{
    struct graph g = {.e = e, .error = error};
    struct output o, data = {0};
    char beside[PATH_MAX];
    const bool external = e->table->numbers * sizeof(float) > FILE_LIMIT;
    const char *slash = strrchr(path, '/');
    if (snprintf(beside, sizeof beside, "%s.data", path) >= (int)sizeof beside)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", path);
    const char *location = external ? beside + (slash ? slash + 1 - path : 0) : NULL;
    if (output_name(&o, path, error) || (external && output_name(&data, beside, error)))
        return -1;
    int result = output_open(&o, path, error) || (external && output_open(&data, beside, error)) ||
                 write_model(&g, &o, location, external ? &data : &o) || (external && output_commit(&data, error)) ||
                 output_commit(&o, error) ? -1 : 0;
    if (result) {
        output_abandon(&o);
        output_abandon(&data);
    }
    message_free(&g.nodes);
    return result;
}
