/* The detection head as model, trainer and evaluation see it: settings, parameters, initial weights, the table of operations. */
#include "bit/detect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/random.h"
#include "heads/detect/net.h"

enum { BLOCK = 8192, HEAD_BLOCK = 5 };

static const struct bit_detect *settings(const struct bit_head *head)
{
    return (const struct bit_detect *)head;
}

/* ---- parameters ---- */

struct net_parameters net_parameters_of(const struct bit_detect *d)
{
    const int norms = d->group_norm ? 2 * BIT_PYRAMID_LEVELS : 0;
    struct net_parameters p = {.each = 2 + norms};
    p.output = p.lateral + 2 * FROM_BACKBONE;
    p.p6 = p.output + 2 * FROM_BACKBONE;
    p.p7 = p.p6 + 2;
    p.norm = p.p7 + 2;
    p.count = p.norm + norms;
    for (int net = 0; net < NETS; net++) {
        p.conv[net] = p.count;
        p.predict[net] = p.count + d->layers * p.each;
        p.count = p.predict[net] + 2;
    }
    return p;
}

struct writer { struct bit_table *table; struct bit_error *error; bool failed; };

static void add(struct writer *w, const char *prefix, const char *name, enum bit_parameter_kind kind, int dimensions, const size_t *shape)
{
    char full[BIT_PARAMETER_NAME];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    w->failed = w->failed || bit_table_add(w->table, full, kind, HEAD_BLOCK, dimensions, shape, w->error) < 0;
}

static void add_convolution(struct writer *w, const char *prefix, int kernel, int channels, int outputs)
{
    const size_t shape[4] = {(size_t)kernel, (size_t)kernel, (size_t)channels, (size_t)outputs};
    add(w, prefix, "kernel", BIT_KERNEL, 4, shape);
    add(w, prefix, "bias", BIT_BIAS, 1, &shape[3]);
}

static void add_norms(struct writer *w, const struct bit_detect *d, const char *prefix)
{
    const size_t channels = (size_t)d->channels;
    for (int l = 0; l < BIT_PYRAMID_LEVELS && d->group_norm; l++) {
        char name[32];
        snprintf(name, sizeof name, "norm%d/gamma", l + BIT_PYRAMID_FIRST);
        add(w, prefix, name, BIT_GAMMA, 1, &channels);
        snprintf(name, sizeof name, "norm%d/beta", l + BIT_PYRAMID_FIRST);
        add(w, prefix, name, BIT_BETA, 1, &channels);
    }
}

static void add_pyramid(struct writer *w, const struct bit_detect *d, const struct bit_head_input *input)
{
    char prefix[32];
    for (int l = 0; l < FROM_BACKBONE; l++) {
        snprintf(prefix, sizeof prefix, "fpn/lateral%d", l + BIT_PYRAMID_FIRST);
        add_convolution(w, prefix, 1, input->tap[net_block(l)].channels, d->channels);
    }
    for (int l = 0; l < FROM_BACKBONE; l++) {
        snprintf(prefix, sizeof prefix, "fpn/output%d", l + BIT_PYRAMID_FIRST);
        add_convolution(w, prefix, 3, d->channels, d->channels);
    }
    add_convolution(w, "fpn/p6", 3, d->p6 == BIT_P6_FROM_C5 ? input->tap[net_block(FROM_BACKBONE - 1)].channels : d->channels, d->channels);
    add_convolution(w, "fpn/p7", 3, d->channels, d->channels);
    add_norms(w, d, "fpn");
}

static int check(const struct bit_detect *d, struct bit_error *error)
{
    if (d->classes < 1)
        return bit_fail(error, BIT_EUSAGE, "detection of %d classes: expected at least 1", d->classes);
    if (d->channels < 1 || d->channels > 65536 || (d->group_norm && d->channels % NORM_GROUPS))
        return bit_fail(error, BIT_EUSAGE, "detection with %d channels: expected a multiple of %d, of which a group norm has groups",
                        d->channels, NORM_GROUPS);
    if (d->layers < 1 || d->layers > LAYERS)
        return bit_fail(error, BIT_EUSAGE, "detection with nets of %d layers: expected 1 to %d", d->layers, LAYERS);
    if (d->octaves < 1 || d->ratio_count < 1 || d->ratio_count > BIT_ANCHOR_RATIOS || d->octaves * d->ratio_count > BIT_ANCHOR_SHAPES)
        return bit_fail(error, BIT_EUSAGE, "detection with anchors of %d sizes and %d ratios: expected at least one of each, at most %d "
                        "ratios and %d shapes", d->octaves, d->ratio_count, BIT_ANCHOR_RATIOS, BIT_ANCHOR_SHAPES);
    return 0;
}

static int describe(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table, struct bit_error *error)
{
    const struct bit_detect *d = settings(head);
    static const char *const nets[NETS] = {"class_net", "box_net"};
    struct writer w = {table, error, false};
    char prefix[32];
    if (check(d, error) || net_check_input(input, error))
        return -1;
    add_pyramid(&w, d, input);
    for (int net = 0; net < NETS; net++) {
        for (int i = 0; i < d->layers; i++) {
            snprintf(prefix, sizeof prefix, "%s/conv%d", nets[net], i);
            add_convolution(&w, prefix, 3, d->channels, d->channels);
            add_norms(&w, d, prefix);
        }
        snprintf(prefix, sizeof prefix, "%s/predict", nets[net]);
        add_convolution(&w, prefix, 3, d->channels, net_outputs(d, net));
        for (size_t back = 1; back <= 2 && net == CLASS_NET && !w.failed; back++) /* its kernel and bias */
            table->items[table->count - back].per_class = d->octaves * d->ratio_count;
    }
    return w.failed ? -1 : 0;
}

/* ---- initial weights ---- */

/* Nets: normal, deviation 0.01. Pyramid: uniform within sqrt(6 / (fan-in + fan-out)). Numbers are keyed by parameter and block of elements. */
static void fill_kernel(const struct bit_parameter *p, size_t number, bool uniform, uint64_t seed, float *values)
{
    const double place = (double)(p->shape[0] * p->shape[1]);
    const double bound = sqrt(6 / (place * (double)p->shape[2] + place * (double)p->shape[3]));
    const size_t blocks = (p->count + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) num_threads(bit_compute_thread_count())
    for (size_t b = 0; b < blocks; b++) {
        struct bit_random random;
        bit_random_init(&random, seed, BIT_PURPOSE_INITIALISE, number, b);
        for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < p->count; i++)
            values[i] = (float)(uniform ? bound * (2 * bit_random_uniform(&random) - 1) : 0.01 * bit_random_normal(&random));
    }
}

static void initialise(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed, float *weights)
{
    const struct bit_detect *d = settings(head);
    const struct net_parameters p = net_parameters_of(d);
    for (int n = 0; n < p.count; n++) {
        const size_t number = first + (size_t)n;
        const struct bit_parameter *parameter = &table->items[number];
        float *values = weights + parameter->offset;
        if (parameter->kind == BIT_KERNEL)
            fill_kernel(parameter, number, n < p.norm, seed, values);
        for (size_t i = 0; parameter->kind == BIT_GAMMA && i < parameter->count; i++)
            values[i] = 1;
        for (size_t i = 0; n == p.predict[CLASS_NET] + 1 && i < parameter->count; i++)
            values[i] = (float)-log((1 - d->prior) / d->prior);
    }
}

/* ---- what the head tells others ---- */

static uint64_t positives(const struct bit_head *head, const struct bit_head_call *call, int images)
{
    const struct bit_detect_loss *losses = bit_detect_losses(call);
    uint64_t sum = 0;
    (void)head;
    for (int i = 0; i < images; i++)
        sum += losses[i].positives;
    return sum;
}

const struct bit_detect_loss *bit_detect_losses(const struct bit_head_call *call)
{
    return net_at(call, ((const struct net *)call->state)->losses);
}

const float *bit_detect_logits(const struct bit_head_call *call, int level)
{
    return net_output(call->state, call, CLASS_NET, level);
}

const float *bit_detect_deltas(const struct bit_head_call *call, int level)
{
    return net_output(call->state, call, BOX_NET, level);
}

const void *bit_detect_pyramid(const struct bit_head_call *call, int level)
{
    const struct net *n = call->state;
    return net_level(n, call, n->features, level);
}

const struct bit_anchors *bit_detect_anchors(const struct bit_head_call *call)
{
    return &((const struct net *)call->state)->anchors;
}

int bit_detect_boxes(const struct bit_head_call *call, int image, double width, double height, struct bit_detection *found,
                     struct bit_error *error)
{
    const struct net *n = call->state;
    const float *outputs[NETS][BIT_PYRAMID_LEVELS];
    for (int net = 0; net < NETS; net++)
        for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
            outputs[net][l] = net_output(n, call, net, l) + (size_t)image * n->cells[l] * (size_t)net_outputs(n->detect, net);
    return bit_detections(&n->anchors, &n->detect->detections, n->detect->classes, outputs[CLASS_NET], outputs[BOX_NET], width, height, found,
                          NULL, error);
}

/* ---- records ---- */

static size_t record_bytes(const struct bit_head *head)
{
    return sizeof(struct bit_detect_record) + (size_t)settings(head)->detections.most * sizeof(struct bit_detection);
}

static bool needs_records(const struct bit_head *head)
{
    (void)head;
    return true;
}

static void keep(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int image, void *record)
{
    const struct bit_anchors *anchors = bit_detect_anchors(call);
    const struct bit_frame whole = {8.0 * anchors->width[0], 8.0 * anchors->height[0], 1, 1};
    const struct bit_frame *f = targets->frames ? &targets->frames[image] : &whole;
    struct bit_detect_record *r = record;
    struct bit_error error = {0};
    const int count = bit_detect_boxes(call, image, f->width, f->height, r->found, &error);
    (void)head;
    r->count = count < 0 ? UINT64_MAX : (uint64_t)count;
    for (int i = 0; i < count; i++) {
        struct bit_box *box = &r->found[i].box;
        *box = (struct bit_box){box->x1 / f->scale_x, box->y1 / f->scale_y, box->x2 / f->scale_x, box->y2 / f->scale_y};
    }
}

/* ---- metrics ---- */

/* What a head sums up while it evaluates: how much of the loss each part has. */
struct sums { double focal, box; uint64_t positives; };

static void score(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images, void *sum)
{
    const struct bit_detect_loss *losses = bit_detect_losses(call);
    struct sums *sums = sum;
    (void)head, (void)targets;
    for (int i = 0; i < images; i++) {
        sums->focal += losses[i].focal;
        sums->box += losses[i].box;
        sums->positives += losses[i].positives;
    }
}

static void merge(const struct bit_head *head, void *sum, const void *other)
{
    struct sums *sums = sum;
    const struct sums *more = other;
    (void)head;
    sums->focal += more->focal;
    sums->box += more->box;
    sums->positives += more->positives;
}

/* Average precision is not known here: it takes the annotations as they stand in their file (bit_evaluation_options.judge). */
static void report(const struct bit_head *head, const void *sum, uint64_t images, struct bit_metrics *metrics)
{
    const struct sums *sums = sum;
    (void)head, (void)images;
    static const struct bit_metric names[] = {
        {.name = "ap", .title = "AP"}, {.name = "ap50", .title = "AP50"}, {.name = "ap75", .title = "AP75"},
        {.name = "ap_small", .title = "AP small"}, {.name = "ap_medium", .title = "AP medium"}, {.name = "ap_large", .title = "AP large"},
        {.name = "ar100", .title = "AR100"}, {.name = "class_loss", .title = "class loss"}, {.name = "box_loss", .title = "box loss"}};
    enum { COUNT = sizeof names / sizeof *names, CLASS_LOSS = COUNT - 2, BOX_LOSS };
    *metrics = (struct bit_metrics){.count = COUNT};
    for (int i = 0; i < COUNT; i++) {
        metrics->item[i] = names[i];
        metrics->item[i].form = i < CLASS_LOSS ? BIT_METRIC_SHARE : BIT_METRIC_NUMBER;
        metrics->item[i].higher_is_better = i < CLASS_LOSS;
        metrics->item[i].count = BIT_METRIC_UNCOUNTED;
        metrics->item[i].value = NAN;
    }
    if (sums) {
        metrics->item[CLASS_LOSS].value = sums->focal / (double)(sums->positives + 1);
        metrics->item[BOX_LOSS].value = sums->box / (double)(sums->positives + 1);
    }
}

static const struct bit_head_operations operations = {
    .describe = describe, .initialise = initialise, .create = net_create, .destroy = net_destroy, .flops = net_flops,
    .forward = net_forward, .loss = net_loss, .positives = positives, .backward = net_backward, .score_bytes = sizeof(struct sums), .score = score,
    .merge = merge, .report = report, .record_bytes = record_bytes, .needs_records = needs_records, .keep = keep,
};

void bit_detect_init(struct bit_detect *detect, int classes)
{
    *detect = (struct bit_detect){
        .head = {.operations = &operations, .title = "RetinaNet", .loss_name = "focal", .taps = BIT_TAP(2) | BIT_TAP(3) | BIT_TAP(4), .unpooled = true, .activated = true},
        .classes = classes, .channels = 256, .layers = 4, .group_norm = true, .p6 = BIT_P6_FROM_P5,
        .anchor_scale = 4, .octaves = 3, .ratio_count = 3, .ratios = {0.5, 1, 2},
        .match = {.positive = 0.5, .negative = 0.4}, .focal = {.alpha = 0.25, .gamma = 2}, .box_beta = 0.1, .box_weight = 1.25, .prior = 0.01,
        .detections = {.score = 0.05, .candidates = 1000, .overlap = 0.5, .most = 100},
    };
}
