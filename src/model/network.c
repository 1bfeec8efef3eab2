/* What the network is made of: units, layers and their shapes, and the parameter table. */
#include "model/network.h"

#include <stdio.h>
#include <string.h>

static const struct { int depth, units[4]; } depths[] = {
    {8, {1, 1}}, {14, {1, 1, 1, 1}}, {26, {2, 2, 2, 2}}, {50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}},
};

const int *bit_model_units(int depth)
{
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (depths[i].depth == depth)
            return depths[i].units;
    return NULL;
}

int bit_model_depth(const int units[4])
{
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (!memcmp(depths[i].units, units, sizeof depths[i].units))
            return depths[i].depth;
    return 0;
}

/* What the functions below share while they walk the network in forward order. */
struct walk {
    const struct bit_model_options *options;
    struct bit_table *table, *statistics;
    struct bit_error *error;
    int images, size, channels; /* of the activation at hand; images of a chunk */
    int micro_batch;
    int parameters, running;    /* entries so far */
    bool late, failed;
};

static int add(struct walk *w, enum bit_parameter_kind kind, int block, int dimensions, const size_t *shape,
               const char *format, const char *prefix)
{
    char name[BIT_PARAMETER_NAME];
    if ((size_t)snprintf(name, sizeof name, format, prefix) >= sizeof name)
        w->failed = true;
    struct bit_table *table = kind == BIT_STATISTIC ? w->statistics : w->table;
    if (table && bit_table_add(table, name, kind, block, dimensions, shape, w->error) < 0)
        w->failed = true;
    return kind == BIT_STATISTIC ? w->running++ : w->parameters++;
}

static void describe_norm(struct walk *w, struct norm_layer *n, int block, const char *prefix, int size, int channels)
{
    const struct bit_model_options *o = w->options;
    size_t shape[1] = {(size_t)channels};
    *n = (struct norm_layer){.block = block};
    n->norm = (struct bit_norm_shape){
        .images = w->images, .rows = size * size, .channels = channels,
        .groups = o->norm == BIT_GROUP_NORM ? MODEL_GROUPS : 0, .type = o->precision, .relu = true, .epsilon = 1e-5,
        .threads = bit_compute_thread_count(),
        .group = o->norm == BIT_BATCH_NORM && o->batch_norm_global ? o->group : NULL,
    };
    n->gamma = add(w, BIT_GAMMA, block, 1, shape, "%s/group_norm/gamma", prefix);
    n->beta = add(w, BIT_BETA, block, 1, shape, "%s/group_norm/beta", prefix);
    if (o->norm == BIT_BATCH_NORM) {
        n->statistic = add(w, BIT_STATISTIC, block, 1, shape, "%s/group_norm/moving_mean", prefix);
        add(w, BIT_STATISTIC, block, 1, shape, "%s/group_norm/moving_variance", prefix);
    }
}

static void describe_layer(struct walk *w, struct layer *l, int block, const char *prefix, int size, int channels,
                           int outputs, int kernel, int stride)
{
    size_t shape[4] = {(size_t)kernel, (size_t)kernel, (size_t)channels, (size_t)outputs};
    *l = (struct layer){.block = block};
    l->geometry = (struct bit_geometry){.images = w->images, .height = size, .width = size, .channels = channels,
                                        .outputs = outputs, .kernel = kernel, .stride = stride,
                                        .padding = (kernel - 1) / 2};
    l->parameter = add(w, BIT_KERNEL, block, 4, shape, "%s/standardized_conv2d/kernel", prefix);
}

/* Images that go through a unit together. Few enough that what one operation wrote is still in the cache when the next
 * one reads it; many enough that kernels are not read too often; the same number for every thread where that divides the
 * micro-batch. Batch norm has to see all images at once. */
static int chunk_images(const struct walk *w, size_t image_bytes)
{
    enum { NEAR = 2000000 }; /* bytes a thread */
    const int threads = bit_compute_thread_count();
    if (w->options->norm == BIT_BATCH_NORM || w->late)
        return w->micro_batch;
    size_t fit = NEAR / image_bytes;
    int most = (int)(fit < 1 ? 1 : fit > 64 ? 64 : fit) * threads, best = 1;
    for (int chunk = 1; chunk <= w->micro_batch && chunk <= most; chunk++)
        if (w->micro_batch % chunk == 0 && (chunk % threads == 0 || best % threads))
            best = chunk;
    return best;
}

/* The order in the table is that in which the forward pass first needs a parameter, and the reverse of that in which the
 * backward pass finishes them: the projection, which shares a's input, comes after a. */
static void describe_unit(struct walk *w, struct unit *u, int block, int number, int middle)
{
    char at[64], prefix[80];
    int stride = number == 1 && block > 1 ? 2 : 1, out = (w->size - 1) / stride + 1;
    u->block = block;
    w->images = u->chunk = chunk_images(w, (size_t)(out * out) * (size_t)(4 * middle) *
                                               bit_type_size(w->options->precision));
    /* adding up a chunk's weight gradients moves them about four times: worth it where they are small beside the images */
    u->gathers = u->chunk < w->micro_batch && 17.0 * middle * middle * 4 * sizeof(float) <
                     2.0 * u->chunk * out * out * 4 * middle * bit_type_size(w->options->precision);
    u->projects = number == 1;
    snprintf(at, sizeof at, "resnet/block%d/unit%02d", block, number);
    snprintf(prefix, sizeof prefix, "%s/a", at);
    describe_norm(w, &u->norm_a, block, prefix, w->size, w->channels);
    describe_layer(w, &u->a, block, prefix, w->size, w->channels, middle, 1, 1);
    if (u->projects) {
        snprintf(prefix, sizeof prefix, "%s/a/proj", at);
        describe_layer(w, &u->projection, block, prefix, w->size, w->channels, 4 * middle, 1, stride);
    }
    snprintf(prefix, sizeof prefix, "%s/b", at);
    describe_norm(w, &u->norm_b, block, prefix, w->size, middle);
    describe_layer(w, &u->b, block, prefix, w->size, middle, middle, 3, stride);
    snprintf(prefix, sizeof prefix, "%s/c", at);
    describe_norm(w, &u->norm_c, block, prefix, out, middle);
    describe_layer(w, &u->c, block, prefix, out, middle, 4 * middle, 1, 1);
    w->size = out;
    w->channels = 4 * middle;
}

static double packed_bytes(const struct bit_model_options *o)
{
    double numbers = 0, in = ROOT_CHANNELS * (double)o->width;
    for (int block = 0; block < 4; block++) {
        double middle = ROOT_CHANNELS * (double)o->width * (1 << block);
        for (int unit = 0; unit < bit_model_units(o->depth)[block]; unit++, in = 4 * middle)
            numbers += in * middle + 9 * middle * middle + 4 * middle * middle + (unit ? 0 : 4 * in * middle);
    }
    return numbers * (double)bit_type_size(o->precision) * (o->training ? 2 : 1);
}

static int check_options(const struct bit_model_options *o, struct bit_error *error)
{
    if (!bit_model_units(o->depth))
        return bit_fail(error, BIT_EUSAGE, "model depth %d does not exist: use 8, 14, 26, 50, 101 or 152", o->depth);
    if (o->width < 1 || o->width > 64)
        return bit_fail(error, BIT_EUSAGE, "model width %d: expected 1 to 64", o->width);
    if (o->image_size < 1 || o->image_size > 16384)
        return bit_fail(error, BIT_EUSAGE, "image size %d: expected 1 to 16384 pixels", o->image_size);
    if (o->micro_batch < 1 || o->micro_batches < 1 || o->micro_batch > (1 << 20) / o->micro_batches)
        return bit_fail(error, BIT_EUSAGE, "%d micro-batches of %d images: expected at least one of at least one",
                        o->micro_batches, o->micro_batch);
    return 0;
}

static int check_taps(const struct bit_model_options *o, struct bit_error *error)
{
    const struct bit_head *head = o->head;
    const unsigned known = BIT_TAP(1) | BIT_TAP(2) | BIT_TAP(3) | BIT_TAP(4);
    if (!head)
        return 0;
    if (head->taps & ~known)
        return bit_fail(error, BIT_EINTERNAL, "a head takes the outputs of blocks 0x%x: expected blocks 1 to 4 only", head->taps);
    if (head->activated && !(head->unpooled && head->taps & BIT_TAP(4)))
        return bit_fail(error, BIT_EINTERNAL, "a head that takes taps behind norm and ReLU also takes pooled features, or not that of block 4");
    if (head->unpooled && !head->taps)
        return bit_fail(error, BIT_EINTERNAL, "a head takes neither pooled features nor the output of a block");
    for (int block = 1; block <= BIT_BLOCKS; block++)
        if (head->taps & BIT_TAP(block) && !bit_model_units(o->depth)[block - 1])
            return bit_fail(error, BIT_EUSAGE, "the head needs the output of block %d, which a model of depth %d does not have: "
                            "use depth 14 or more", block, o->depth);
    return 0;
}

/* What the head gets, and which units run for it. channels: of the last unit's output. */
static void choose_input(const struct bit_model_options *o, struct network *n, int channels)
{
    const unsigned taps = o->head ? o->head->taps : 0;
    int highest = 0;
    n->pools = !o->head || !o->head->unpooled;
    n->activates = o->head && o->head->activated;
    n->input = (struct bit_head_input){.channels = n->pools ? channels : 0, .type = o->precision};
    for (int i = 0; i < n->units; i++) {
        struct unit *u = &n->unit[i];
        const struct bit_geometry *c = &u->c.geometry;
        u->tapped = taps & BIT_TAP(u->block) && (i + 1 == n->units || n->unit[i + 1].block != u->block);
        if (!u->tapped)
            continue;
        n->input.tap[u->block] = (struct bit_tap_shape){c->height, c->width, c->outputs};
        highest = i + 1;
    }
    if (!n->pools)
        n->units = highest;
}

/* The head's parameters come last, and the roles of all. */
static int describe_head(const struct bit_model_options *options, const struct bit_head_input *input, struct bit_table *table,
                         struct bit_error *error)
{
    const size_t first = table->count;
    const struct bit_head *head = options->head;
    if (head && head->operations->describe(head, input, table, error))
        return -1;
    for (size_t i = first; i < table->count; i++)
        table->items[i].head = true;
    bit_table_assign(table, &options->roles);
    return 0;
}

int network_describe(const struct bit_model_options *options, struct network *network, struct bit_table *table,
                     struct bit_table *statistics, struct bit_error *error)
{
    if (check_options(options, error) || check_taps(options, error))
        return -1;
    const int *units = bit_model_units(options->depth);
    struct walk w = {.options = options, .table = table, .statistics = statistics, .error = error};
    w.micro_batch = options->micro_batch * (options->norm == BIT_BATCH_NORM ? options->micro_batches : 1);
    memset(network, 0, sizeof *network);
    network->packs_late = w.late = packed_bytes(options) > (options->packed_limit > 0 ? options->packed_limit : 3e9);

    w.size = options->image_size;
    w.channels = ROOT_CHANNELS * options->width;
    const size_t half = (size_t)(w.size + 1) / 2;
    w.images = network->root_chunk =
        chunk_images(&w, half * half * (size_t)w.channels * bit_type_size(options->precision));
    network->root_gathers = network->root_chunk < w.micro_batch;
    describe_layer(&w, &network->root, 0, "resnet/root_block", w.size, IMAGE_CHANNELS, w.channels, 7, 2);
    w.size = bit_geometry_out_height(&network->root.geometry);
    network->pool = (struct bit_pool){.images = w.images, .height = w.size, .width = w.size, .channels = w.channels,
                                      .type = options->precision, .threads = bit_compute_thread_count()};
    w.size = (w.size - 1) / 2 + 1;
    for (int block = 1; block <= 4; block++)
        for (int number = 1; number <= units[block - 1]; number++)
            describe_unit(&w, &network->unit[network->units++], block, number,
                          ROOT_CHANNELS * options->width << (block - 1));
    w.images = w.micro_batch;
    describe_norm(&w, &network->norm, 5, "resnet", w.size, w.channels);
    choose_input(options, network, w.channels);
    network->head = w.parameters;
    if (w.failed)
        return error && error->code ? -1 : bit_fail(error, BIT_EINTERNAL, "cannot describe the model's parameters");
    return table ? describe_head(options, &network->input, table, error) : 0;
}

struct bit_table *bit_model_make_table(const struct bit_model_options *options, struct bit_error *error)
{
    struct network network;
    struct bit_table *table = bit_table_create(error);
    if (table && network_describe(options, &network, table, NULL, error)) {
        bit_table_destroy(table);
        return NULL;
    }
    return table;
}

static double layer_flops(const struct layer *l)
{
    const struct bit_geometry *g = &l->geometry;
    return 2.0 * bit_geometry_out_height(g) * bit_geometry_out_width(g) * g->kernel * g->kernel * g->channels *
           g->outputs;
}

double bit_model_flops(const struct bit_model_options *options)
{
    struct network n;
    struct bit_error error = {0};
    if (network_describe(options, &n, NULL, NULL, &error))
        return 0;
    double flops = layer_flops(&n.root) + (options->head ? options->head->operations->flops(options->head, &n.input) : 0);
    for (int i = 0; i < n.units; i++) {
        const struct unit *u = &n.unit[i];
        flops += layer_flops(&u->a) + layer_flops(&u->b) + layer_flops(&u->c);
        if (u->projects)
            flops += layer_flops(&u->projection);
    }
    return flops;
}
