/* golden_detect CASE.json [--backend B] [--threads N] [--precision float32|bfloat16] [--micro-batch M] [--steps N]: as golden_step, for
 * detection: rebuilds a case's parameters, images and boxes, trains, and compares pyramid, outputs, losses, matches, gradients and weights
 * with what an independent implementation found in float64, or within the case's own noise, as golden_step. In bfloat16 outputs and losses are held against the case within 5 %, and the
 * gradients' directions against those of float32. Prints a line a quantity and PASS or FAIL; exit 0 within tolerance, 1 outside, 64 or
 * more when the case cannot be run. */
#include "bit/bfloat16.h"
#include "bit/detect.h"
#include "bit/kernels.h"
#include "golden/golden_case.h"

enum quantity { PYRAMID, LOGITS, DELTAS, FIRST_LOSSES, LOSSES, GRADIENTS, FIRST, FINAL, QUANTITIES };
static const char *const quantity_names[QUANTITIES] = {"pyramid", "logits", "deltas", "first losses", "later losses", "gradients", "weights after first step",
                                                       "final weights"};
static const double tolerances[QUANTITIES] = {1e-4, 1e-4, 1e-4, 1e-5, 1e-3, 1e-3, 1e-3, 1e-3};

struct golden {
    cJSON *json;
    struct bit_model_options options;
    struct bit_detect head;
    int batch, steps;
    float *images, *weights, *velocity, *gradient;
    struct bit_table *table;
    struct bit_box *boxes;
    int32_t *labels, *label_start;
    struct worst worst[QUANTITIES];
    /* Of the last run, all steps of it. */
    float *first_gradient, *first;
};

/* What is done to weights and pixels before a run. */
enum input { INPUT_EXACT, INPUT_ROUNDED /* to bfloat16 */, INPUT_DISTURBED /* by some units in the last place */ };

static void read_boxes(struct golden *g, const cJSON *config)
{
    const cJSON *image, *box, *boxes = item(config, "boxes"), *labels = item(config, "labels");
    int count = 0, number_of_image = 0;
    g->batch = cJSON_GetArraySize(boxes);
    g->boxes = get(1000, sizeof *g->boxes);
    g->labels = get(1000, sizeof *g->labels);
    g->label_start = get((size_t)g->batch + 1, sizeof *g->label_start);
    cJSON_ArrayForEach(image, boxes) {
        const cJSON *label = cJSON_GetArrayItem(labels, number_of_image++)->child;
        cJSON_ArrayForEach(box, image) {
            double *corner = (double *)&g->boxes[count];
            for (int k = 0; k < 4; k++)
                corner[k] = cJSON_GetArrayItem(box, k)->valuedouble;
            g->labels[count++] = label->valueint;
            label = label->next;
        }
        g->label_start[number_of_image] = count;
    }
}

static void read_case(struct golden *g, const char *path)
{
    g->json = read_json(path);
    const cJSON *c = item(g->json, "config");
    struct bit_detect *d = &g->head;
    read_boxes(g, c);
    bit_detect_init(d, (int)number(c, "classes"));
    d->head.activated = is_text(c, "taps", "activation");
    d->p6 = is_text(c, "p6_from", "c5") ? BIT_P6_FROM_C5 : BIT_P6_FROM_P5;
    d->group_norm = is_text(c, "norm", "gn");
    d->channels = (int)number(c, "channels");
    d->anchor_scale = number(c, "anchor_scale");
    d->match = (struct bit_match_options){number(c, "positive"), number(c, "negative")};
    d->focal = (struct bit_focal_options){number(c, "alpha"), number(c, "gamma")};
    d->box_beta = number(c, "beta");
    d->box_weight = number(c, "box_weight");
    g->steps = (int)number(c, "steps");
    g->options = (struct bit_model_options){
        .depth = (int)number(c, "depth"), .width = (int)number(c, "width"), .head = &d->head, .norm = BIT_GROUP_NORM,
        .weight_standardization = true, .image_size = (int)number(c, "size"), .micro_batch = g->batch, .micro_batches = 1, .training = true};
}

static void round_all(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = bit_bfloat16_to_float(bit_bfloat16_from_float(values[i]));
}

static void fill_case(struct golden *g, enum input how, uint64_t seed)
{
    const cJSON *input = item(item(g->json, "config"), "input");
    const int bias = bit_table_find(g->table, "class_net/predict/bias");
    const size_t pixels = (size_t)g->batch * (size_t)g->options.image_size * (size_t)g->options.image_size * 3;
    fill(cJSON_GetStringValue(input), pixels, 0, 1, g->images);
    memset(g->weights, 0, g->table->elements * sizeof(float));
    memset(g->velocity, 0, g->table->elements * sizeof(float));
    fill_weights(g->table, g->weights);
    fill(g->table->items[bias].name, g->table->items[bias].count, -2, 0.1, g->weights + g->table->items[bias].offset);
    if (how == INPUT_ROUNDED)
        round_all(g->images, pixels), round_all(g->weights, g->table->elements);
    if (how == INPUT_DISTURBED) {
        disturb(g->images, pixels, 2 * seed, NOISE_UNITS);
        disturb(g->weights, g->table->elements, 2 * seed + 1, NOISE_UNITS);
    }
}

/* ---- comparing ---- */

static void compare_outputs(struct golden *g, const struct bit_model *model)
{
    const struct bit_head_call *call = bit_model_call(model);
    const struct bit_anchors *anchors = bit_detect_anchors(call);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        const size_t cells = (size_t)(g->batch * anchors->height[l] * anchors->width[l]);
        const char level[2] = {(char)('3' + l), 0};
        const size_t counts[3] = {cells * (size_t)g->head.channels, cells * 9 * (size_t)g->head.classes, cells * 36};
        float *pyramid = get(counts[0], sizeof *pyramid);
        bit_cast_to_float(call->input.type, bit_detect_pyramid(call, l), counts[0], pyramid, 1);
        const float *found[3] = {pyramid, bit_detect_logits(call, l), bit_detect_deltas(call, l)};
        for (int q = PYRAMID; q <= DELTAS; q++) {
            const cJSON *digest = item(item(g->json, quantity_names[q]), level);
            compare_digest(digest, level, found[q], counts[q], number(digest, "l2"), &g->worst[q]);
        }
        bit_free(pyramid);
    }
}

static void compare_losses(struct golden *g, int step, const struct bit_detect_loss *sum)
{
    const cJSON *expected = cJSON_GetArrayItem(item(g->json, "losses"), step);
    const double share = 1 / ((double)sum->positives + 1), focal = number(expected, "class"), box = number(expected, "box");
    struct worst *worst = &g->worst[step ? LOSSES : FIRST_LOSSES];
    worsen(worst, fabs(sum->focal * share - focal) / focal, "class", "");
    worsen(worst, fabs(sum->box * share - box) / box, "box", "");
    if (sum->positives != (uint64_t)number(item(g->json, "match"), "positives"))
        worsen(worst, INFINITY, "positives", "");
}

/* ---- running ---- */

static void run_step(struct golden *g, struct bit_model *model, int step)
{
    const struct bit_head *head = &g->head.head;
    const int micro = g->options.micro_batch;
    const size_t image = (size_t)g->options.image_size * (size_t)g->options.image_size * 3;
    struct bit_error error = {0};
    struct sum s = sum_of(bit_model_table(model), g->gradient);
    struct bit_detect_loss sum = {0};
    void *typed = get((size_t)micro * image, sizeof(float));
    double *losses = get((size_t)micro, sizeof *losses);
    memset(g->gradient, 0, g->table->elements * sizeof(float));
    must(bit_model_set_weights(model, g->weights, &error), &error);
    for (int first = 0; first < g->batch; first += micro) {
        const struct bit_head_call *call = bit_model_call(model);
        const struct bit_targets targets = {.labels = g->labels, .label_start = g->label_start + first, .boxes = g->boxes};
        bit_cast_from_float(g->options.precision, g->images + (size_t)first * image, (size_t)micro * image, typed, 1);
        must(bit_model_forward(model, typed, true, &error), &error);
        if (step == 0 && micro == g->batch)
            compare_outputs(g, model);
        head->operations->loss(head, call, &targets, micro, 1.0 / g->batch, losses);
        for (int i = 0; i < micro; i++) {
            sum.focal += bit_detect_losses(call)[i].focal;
            sum.box += bit_detect_losses(call)[i].box;
        }
        sum.positives += head->operations->positives(head, call, micro);
        sum_backward(&s, model);
    }
    const float scale = (float)(g->batch / ((double)sum.positives + 1));
    for (size_t i = 0; i < g->table->elements; i++)
        g->gradient[i] *= scale;
    compare_losses(g, step, &sum);
    bit_free(losses), bit_free(typed), bit_free(s.part);
}

static void run_case(struct golden *g, int steps, enum input how, uint64_t seed)
{
    const cJSON *c = item(g->json, "config");
    /* sums taken as taps leave the last norm without a use */
    const size_t used = g->table->count - (g->head.head.activated ? 0 : 2);
    struct bit_error error = {0};
    struct bit_model *model = bit_model_create(&g->options, &error);
    must(!model, &error);
    fill_case(g, how, seed);
    for (int step = 0; step < steps; step++) {
        run_step(g, model, step);
        if (step == 0) {
            compare_block(item(g->json, "gradients"), g->table, used, g->gradient, &g->worst[GRADIENTS]);
            memcpy(g->first_gradient, g->gradient, g->table->elements * sizeof *g->gradient);
        }
        update(g->table->elements, 0.9, 1e-4, number(c, "rate"), g->gradient, g->velocity, g->weights);
        if (step == 0) {
            compare_block(item(g->json, "after_first_step"), g->table, used, g->weights, &g->worst[FIRST]);
            memcpy(g->first, g->weights, g->table->elements * sizeof *g->weights);
        }
    }
    if (steps == g->steps)
        compare_block(item(g->json, "final"), g->table, used, g->weights, &g->worst[FINAL]);
    bit_model_destroy(model);
}

/* noise: of a quantity, when weights and pixels are disturbed; up to three times that is accepted. NULL: none is. */
static int judge(const struct golden *g, double factor, int last, const double *noise)
{
    int ok = 1;
    for (int q = 0; q < last; q++) {
        const double error = g->worst[q].error, tolerance = factor > 0 ? factor : tolerances[q];
        const bool noisy = noise && error > tolerance && error <= 3 * noise[q];
        ok &= error <= tolerance || noisy;
        printf("%-25s worst relative error %.3e (tolerance %.0e) at %s", quantity_names[q], error, tolerance,
               *g->worst[q].name ? g->worst[q].name : "-");
        if (noisy)
            printf("  -- above, but within this case's float32 noise: %.1e when weights and pixels move by %d units in the last place",
                   noise[q], NOISE_UNITS);
        printf("%s\n", error <= tolerance || noisy ? "" : "  <-- FAIL");
    }
    return ok;
}

static float *copy_of(const struct bit_table *table, const float *block)
{
    float *copy = get(table->elements, sizeof *copy);
    memcpy(copy, block, table->elements * sizeof *copy);
    return copy;
}

/* How far gradients and weights of runs with other roundings are from those of the last run. */
static void measure_noise(struct golden *g, int steps, double *noise)
{
    float *gradient = copy_of(g->table, g->first_gradient), *first = copy_of(g->table, g->first), *final = copy_of(g->table, g->weights);
    struct worst kept[QUANTITIES];
    memcpy(kept, g->worst, sizeof kept);
    for (uint64_t run = 1; run <= NOISE_RUNS; run++) {
        run_case(g, steps, INPUT_DISTURBED, run);
        noise[GRADIENTS] = fmax(noise[GRADIENTS], block_distance(g->table, gradient, g->first_gradient));
        noise[FIRST] = fmax(noise[FIRST], block_distance(g->table, first, g->first));
        noise[FINAL] = fmax(noise[FINAL], block_distance(g->table, final, g->weights));
    }
    memcpy(g->worst, kept, sizeof kept);
    bit_free(gradient), bit_free(first), bit_free(final);
}

static int judge_float32(struct golden *g, int steps)
{
    double noise[QUANTITIES] = {0};
    bool within = true;
    run_case(g, steps, INPUT_EXACT, 0);
    for (int q = 0; q < QUANTITIES; q++)
        within = within && g->worst[q].error <= tolerances[q];
    if (!within)
        measure_noise(g, steps, noise);
    return judge(g, 0, QUANTITIES, noise);
}

static float *gradient_of_a_step(struct golden *g, enum input how)
{
    run_case(g, 1, how, 0);
    return copy_of(g->table, g->gradient);
}

/* One step in bfloat16 against one in float32. What rounding weights and pixels does when all else is float32 is the noise here: the smallest
 * maps have a handful of cells, and a norm's groups of them a handful of numbers. */
static int judge_bfloat16(struct golden *g)
{
    float *exact = gradient_of_a_step(g, INPUT_EXACT), *rounded = gradient_of_a_step(g, INPUT_ROUNDED);
    double least = 1, least_rounded = 1;
    const char *name = "-";
    bool ok = true;
    memset(g->worst, 0, sizeof g->worst);
    g->options.precision = BIT_BFLOAT16;
    run_case(g, 1, INPUT_EXACT, 0);
    for (size_t n = 0; n < g->table->count; n++) {
        const struct bit_parameter *p = &g->table->items[n];
        if (p->count < 4096)
            continue;
        const double c = cosine(g->gradient + p->offset, exact + p->offset, p->count);
        const double r = cosine(rounded + p->offset, exact + p->offset, p->count);
        const bool good = c >= 0.95 || 1 - c <= 3 * (1 - r);
        if (!good)
            printf("gradient of %s: cosine %.4f, and %.4f when only weights and pixels are rounded  <-- FAIL\n", p->name, c, r);
        ok = ok && good;
        if (!(c >= least))
            least = c, name = p->name;
        least_rounded = fmin(least_rounded, r);
    }
    bit_free(exact), bit_free(rounded);
    printf("%-25s least %.5f at %s; %.5f is the least when only weights and pixels are rounded\n", "cosines of gradients", least, name,
           least_rounded);
    return judge(g, 0.05, FIRST_LOSSES + 1, NULL) && ok;
}

int main(int argc, char **argv)
{
    struct golden g = {0};
    struct bit_error error = {0};
    const char *backend = "auto", *path = NULL;
    int threads = 1, micro = 0, steps = 0;
    bool narrow = false;
    bit_compute_start(argv);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-') {
            path = argv[i];
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--backend"))
            backend = value;
        else if (!strcmp(argv[i - 1], "--threads"))
            threads = atoi(value);
        else if (!strcmp(argv[i - 1], "--micro-batch"))
            micro = atoi(value);
        else if (!strcmp(argv[i - 1], "--steps"))
            steps = atoi(value);
        else if (!strcmp(argv[i - 1], "--precision"))
            narrow = !strcmp(value, "bfloat16");
        else
            path = NULL, i = argc;
    }
    if (!path || threads < 1) {
        fprintf(stderr, "usage: golden_detect CASE.json [--backend B] [--threads N] [--precision float32|bfloat16] [--micro-batch M] "
                        "[--steps N]\n");
        return BIT_EUSAGE;
    }
    read_case(&g, path);
    bit_compute_threads(threads);
    g.options.backend = bit_backend_find(backend, &error);
    must(!g.options.backend, &error);
    if (micro > 0 && g.batch % micro == 0)
        g.options.micro_batch = micro;
    g.table = bit_model_make_table(&g.options, &error);
    must(!g.table, &error);
    g.weights = get(g.table->elements, sizeof(float));
    g.velocity = get(g.table->elements, sizeof(float));
    g.gradient = get(g.table->elements, sizeof(float));
    g.images = get((size_t)g.batch * (size_t)g.options.image_size * (size_t)g.options.image_size * 3, sizeof(float));
    g.first_gradient = get(g.table->elements, sizeof(float));
    g.first = get(g.table->elements, sizeof(float));
    int ok = narrow ? judge_bfloat16(&g) : judge_float32(&g, steps > 0 && steps < g.steps ? steps : g.steps);
    printf("%s\n", ok ? "PASS" : "FAIL");
    bit_free(g.images), bit_free(g.gradient), bit_free(g.velocity), bit_free(g.weights);
    bit_free(g.first_gradient), bit_free(g.first);
    bit_free(g.boxes), bit_free(g.labels), bit_free(g.label_start);
    bit_table_destroy(g.table);
    cJSON_Delete(g.json);
    return ok ? 0 : 1;
}
