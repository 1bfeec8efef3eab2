/* bit bench step: whole training steps on a synthetic batch in one process, without MPI: weights set, micro-batches forward
 * and backward, gradients added up as in training, SGD over all parameters. With --forward the passes of an evaluation: weights
 * are set once, losses computed, nothing is kept for a backward pass. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/random.h"
#include "bit/optimise.h"
#include "bench/bench.h"

enum { ROWS = 64, BOXES = 7 /* an image; COCO has 7.2 */ };

struct step {
    const struct bench_options *options;
    union bit_any_head head;
    struct bit_model *model;
    const struct bit_table *table;
    struct bit_gradient *gradient;
    struct bit_piece piece;        /* all of the block */
    struct bit_share share;
    struct bit_guard *guard;
    float *weights, *velocity;
    void *images;
    int32_t *labels, *label_start; /* label_start, boxes: of detection */
    struct bit_box *boxes;
    double *losses, loss;
    double fixed_seconds, forward_seconds, backward_seconds, update_seconds; /* of all steps */
};

/* ---- a step ---- */

/* As on photographs: of all sizes, few of them large. */
static void make_boxes(struct step *s, struct bit_random *random)
{
    const double size = s->options->size;
    for (int i = 0; i < s->options->batch * BOXES; i++) {
        const double width = size * 0.8 * pow(bit_random_uniform(random), 2) + 4, height = width * (0.5 + bit_random_uniform(random));
        const double x = (size - width) * bit_random_uniform(random), y = (size - height) * bit_random_uniform(random);
        s->boxes[i] = (struct bit_box){x, y, x + width, y + height};
        s->labels[i] = (int32_t)bit_random_below(random, (uint64_t)s->options->classes);
    }
    for (int i = 0; i <= s->options->batch; i++)
        s->label_start[i] = i * BOXES;
}

static struct bit_targets targets_of(const struct step *s, int first)
{
    return s->options->task == BENCH_DETECT
               ? (struct bit_targets){.labels = s->labels, .label_start = s->label_start + first, .boxes = s->boxes}
               : (struct bit_targets){.labels = s->labels + first};
}

static int make(struct step *s, const struct bench_options *o, struct bit_error *error)
{
    struct bit_model_options options;
    const size_t pixels = (size_t)o->batch * (size_t)o->size * (size_t)o->size * 3;
    struct bit_random random;
    *s = (struct step){.options = o};
    bench_model_options(o, &s->head, &options);
    s->model = bit_model_create(&options, error);
    if (!s->model)
        return -1;
    s->table = bit_model_table(s->model);
    s->piece = (struct bit_piece){0, s->table->elements};
    s->share = (struct bit_share){1, s->table->elements, &s->piece};
    if (!o->forward) {
        s->guard = bit_guard_create(s->table, &s->share, error);
        s->gradient = bit_gradient_create(s->table, o->batch / o->micro_batch, error);
        s->velocity = bit_allocate(s->table->elements, sizeof(float), "momentum", error);
    }
    s->weights = bit_allocate(s->table->elements, sizeof(float), "weights", error);
    s->images = bit_allocate(pixels, bit_type_size(o->precision), "images", error);
    s->labels = bit_allocate((size_t)o->batch * BOXES, sizeof *s->labels, "labels", error);
    s->label_start = bit_allocate((size_t)o->batch + 1, sizeof *s->label_start, "labels", error);
    s->boxes = bit_allocate((size_t)o->batch * BOXES, sizeof *s->boxes, "boxes", error);
    s->losses = bit_allocate((size_t)o->micro_batch, sizeof *s->losses, "losses", error);
    float *plain = bit_allocate(pixels, sizeof *plain, "images", error);
    bool good = (o->forward || (s->guard && s->gradient && s->velocity)) && s->weights && s->images && s->labels && s->label_start && s->boxes &&
                s->losses && plain;
    good = good && !bit_model_initialise(s->model, BIT_LECUN_NORMAL, 1, s->weights, error);
    if (good && o->forward)
        good = !bit_model_set_weights(s->model, s->weights, error);
    else if (good)
        bit_guard_note(s->guard, s->weights, s->velocity);
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; good && i < pixels; i++)
        plain[i] = (float)(bit_random_u32(&random) * 0x1p-31 - 1);
    for (int i = 0; good && i < o->batch; i++)
        s->labels[i] = (int32_t)bit_random_below(&random, (uint64_t)o->classes);
    if (good && o->task == BENCH_DETECT)
        make_boxes(s, &random);
    if (good)
        bit_cast_from_float(o->precision, plain, pixels, s->images, o->threads);
    bit_free(plain);
    return good ? bench_room(o, error) : -1;
}

static void unmake(struct step *s)
{
    void *all[] = {s->weights, s->velocity, s->images, s->labels, s->label_start, s->boxes, s->losses};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bit_free(all[i]);
    bit_gradient_destroy(s->gradient);
    bit_guard_destroy(s->guard);
    bit_model_destroy(s->model);
}

/* Forward and losses of a micro-batch. */
static int pass(struct step *s, int m, bool training, struct bit_error *error)
{
    const struct bench_options *o = s->options;
    const int micro = o->micro_batch;
    const size_t bytes = (size_t)micro * (size_t)o->size * (size_t)o->size * 3 * bit_type_size(o->precision);
    const struct bit_head *head = &s->head.head;
    const struct bit_targets targets = targets_of(s, m * micro);
    if (bit_model_forward(s->model, (char *)s->images + (size_t)m * bytes, training, error))
        return -1;
    head->operations->loss(head, bit_model_call(s->model), &targets, micro, 1.0 / o->batch, s->losses);
    for (int i = 0; i < micro; i++)
        s->loss += s->losses[i] / o->batch;
    return 0;
}

static int run_forward(struct step *s, struct bit_error *error)
{
    const double start = bit_clock_seconds();
    s->loss = 0;
    for (int m = 0; m < s->options->batch / s->options->micro_batch; m++) {
        if (pass(s, m, false, error))
            return -1;
    }
    s->forward_seconds += bit_clock_seconds() - start;
    return 0;
}

static int run_training(struct step *s, struct bit_error *error)
{
    const struct bench_options *o = s->options;
    const int micro = o->micro_batch, micro_batches = o->batch / micro;
    struct bit_sgd sgd = {.rate = 0.003, .momentum = 0.9, .weight_decay = 1e-4, .gradient_scale = 1};
    uint64_t positives = 0;
    double start = bit_clock_seconds();
    if (bit_model_set_weights(s->model, s->weights, error))
        return -1;
    s->fixed_seconds += bit_clock_seconds() - start;
    s->loss = 0;
    bit_gradient_start(s->gradient, NULL, NULL);
    for (int m = 0; m < micro_batches; m++) {
        const struct bit_head *head = &s->head.head;
        start = bit_clock_seconds();
        if (pass(s, m, true, error))
            return -1;
        if (head->operations->positives)
            positives += head->operations->positives(head, bit_model_call(s->model), micro);
        double middle = bit_clock_seconds();
        if (bit_model_backward(s->model, bit_gradient_sink(s->gradient, m), error))
            return -1;
        s->forward_seconds += middle - start;
        s->backward_seconds += bit_clock_seconds() - middle;
    }
    if (s->head.head.operations->positives) { /* as in training */
        sgd.gradient_scale = o->batch / ((double)positives + 1);
        s->loss *= sgd.gradient_scale;
    }
    start = bit_clock_seconds();
    bit_sgd_update(&sgd, s->guard, bit_gradient_block(s->gradient), s->weights, s->velocity);
    s->update_seconds += bit_clock_seconds() - start;
    return 0;
}

static int run(struct step *s, struct bit_error *error)
{
    return s->options->forward ? run_forward(s, error) : run_training(s, error);
}

/* ---- report ---- */

struct report { double median, fastest, product, copy, loss, fixed, forward, backward, update, flops; size_t rows; struct bit_model_profile_row row[ROWS]; };

/* The same steps in another process, until it is killed. */
static void keep_company(const struct bench_options *o)
{
    struct bit_error error = {0};
    struct step step;
    int result = make(&step, o, &error);
    while (!result)
        result = run(&step, &error);
}

static int measure(const struct bench_options *o, struct report *r, struct bit_error *error)
{
    struct step step = {.options = o};
    int children[BENCH_COPIES];
    size_t company = bench_company_start(o->copies, keep_company, o, children);
    double *seconds = bit_allocate((size_t)o->repeat, sizeof *seconds, "times", error);
    if (company + 1 < (size_t)o->copies)
        bit_fail(error, BIT_EENVIRONMENT, "only %zu of %d copies could be started", company + 1, o->copies);
    int result = seconds && !error->code ? make(&step, o, error) : -1;
    for (int i = -1; i < o->repeat && !result; i++) { /* the first one warms up */
        double start = bit_clock_seconds();
        result = run(&step, error);
        if (i < 0) {
            bit_model_profile_reset(step.model);
            step.fixed_seconds = step.forward_seconds = step.backward_seconds = step.update_seconds = 0;
        } else {
            seconds[i] = bit_clock_seconds() - start;
        }
    }
    if (bench_company_end(children, company, error))
        result = -1;
    if (!result) {
        r->median = bit_median(seconds, (size_t)o->repeat); /* sorts them */
        r->fastest = seconds[0];
        r->loss = step.loss;
        double steps = step.fixed_seconds + step.forward_seconds + step.backward_seconds + step.update_seconds;
        double micro_batches = (double)o->batch / o->micro_batch; /* shares of all steps, of the median's time */
        r->fixed = step.fixed_seconds / steps * r->median;
        r->forward = step.forward_seconds / steps * r->median / micro_batches;
        r->backward = step.backward_seconds / steps * r->median / micro_batches;
        r->update = step.update_seconds / steps * r->median;
        r->rows = bit_model_profile(step.model, r->row, ROWS);
        for (size_t i = 0; i < r->rows; i++) {
            r->row[i].seconds /= o->repeat;
            r->row[i].flops /= o->repeat;
            r->flops += strncmp(r->row[i].name, "block", 5) ? r->row[i].flops : 0;
        }
    }
    unmake(&step);
    bit_free(seconds);
    if (result || bench_ceiling_product(3, &r->product, error) || bench_ceiling_copy(3, &r->copy, error))
        return -1;
    return 0;
}

static void print_profile(const struct bench_options *o, const struct report *r)
{
    double known = r->update, blocks = 0;
    printf("%-34s %9s %6s %9s %9s\n", "kind", "ms/step", "share", "ms/image", "GFLOP/s");
    for (size_t i = 0; i < r->rows; i++) {
        const struct bit_model_profile_row *row = &r->row[i];
        bool block = !strncmp(row->name, "block", 5);
        if (block && !blocks)
            printf("%-34s %9.2f %5.1f%% %9.3f\n", o->forward ? "update (none)" : "update", r->update * 1e3, 100 * r->update / r->median,
                   r->update * 1e3 / o->batch);
        *(block ? &blocks : &known) += row->seconds;
        printf("%-34s %9.2f %5.1f%% %9.3f", row->name, row->seconds * 1e3, 100 * row->seconds / r->median,
               row->seconds * 1e3 / o->batch);
        if (row->flops > 0)
            printf(" %9.1f", row->flops / row->seconds * 1e-9);
        printf("\n");
    }
    printf("%-34s %9.2f (losses, clocks, spread of the steps)\n", "not in a kind", (r->median - known) * 1e3);
}

static void print_text(const struct bench_options *o, const struct report *r)
{
    printf("%s of R%dx%d%s at %d, batch %d in micro-batches of %d, %s, %s (%s), %d thread%s\n",
           o->forward ? "forward passes" : "training step", o->depth, o->width,
           o->task == BENCH_DETECT ? " with RetinaNet" : "", o->size, o->batch, o->micro_batch, o->precision == BIT_FLOAT32 ? "float32" : "bfloat16",
           bit_backend_name(o->backend), bit_compute_isa(), o->threads, o->threads == 1 ? "" : "s");
    if (o->profile)
        print_profile(o, r);
    printf("%d steps: median %.1f ms, fastest %.1f ms; loss of the last %.4f\n", o->repeat, r->median * 1e3,
           r->fastest * 1e3, r->loss);
    printf("ceilings: sgemm 2048^3 %.1f GFLOP/s, copy %.1f GB/s; the step reaches %.1f GFLOP/s, %.2f of sgemm\n", r->product,
           r->copy, r->flops / r->median * 1e-9, r->flops / r->median * 1e-9 / r->product);
    bench_print_end(o->batch / r->median);
}

static void print_json(const struct bench_options *o, const struct report *r)
{
    printf("{\"kind\": \"step\", \"forward\": %s, \"task\": \"%s\", \"model\": \"R%dx%d\", \"size\": %d, \"batch\": %d, \"micro_batch\": %d, \"precision\": \"%s\", "
           "\"backend\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"classes\": %d,\n \"steps\": %d, \"median_seconds\": %.9g, "
           "\"fastest_seconds\": %.9g, \"update_seconds\": %.9g, \"profile\": [", o->forward ? "true" : "false", o->task == BENCH_DETECT ? "detect" : "classify", o->depth, o->width, o->size, o->batch,
           o->micro_batch, o->precision == BIT_FLOAT32 ? "float32" : "bfloat16", bit_backend_name(o->backend),
           bit_compute_isa(), o->threads, o->classes, o->repeat, r->median, r->fastest, r->update);
    for (size_t i = 0; i < r->rows; i++)
        printf("%s\n  {\"name\": \"%s\", \"seconds\": %.9g, \"calls\": %lu, \"flops\": %.0f}", i ? "," : "", r->row[i].name,
               r->row[i].seconds, r->row[i].calls, r->row[i].flops);
    printf("],\n \"sgemm_gflops\": %.6g, \"copy_gbs\": %.6g, \"gflops\": %.6g, \"ratio\": %.6g, \"images_per_second\": %.6g, "
           "\"peak_memory_gb\": %.6g}\n", r->product, r->copy, r->flops / r->median * 1e-9,
           r->flops / r->median * 1e-9 / r->product, o->batch / r->median, (double)bit_memory_resident_peak() * 1e-9);
}

int bench_step(const struct bench_options *options)
{
    struct bit_error error = {0};
    struct report report = {0};
    if (measure(options, &report, &error))
        return bit_cli_error(&error);
    if (options->json && !options->quiet)
        print_json(options, &report);
    else if (!options->quiet)
        print_text(options, &report);
    if (options->fit && bench_fit_compute(options, report.forward, report.backward, report.fixed, report.update, &error))
        return bit_cli_error(&error);
    return BIT_OK;
}
