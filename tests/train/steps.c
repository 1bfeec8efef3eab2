/* mpirun -n N steps FOLDER MODE [STEPS]: trains a small network on the JPEGs of FOLDER/train, global batch 32 in micro-batches of
 * 4 (smaller, or fewer of them, where bits are not compared), and prints every step's loss and norms as hex floats and the weights' hash: to be compared between numbers of ranks.
 * Modes:
 *   train         as above
 *   batch-norm    batch norm, scope "rank": each rank's batch in one forward call
 *   stop, skip    in step 2 the last rank's replica holds a NaN: to stop there, or to skip that step
 *   replica       after step 2 the last rank's weights differ in one bit: the check must name it
 *   memory        first, every allocation of the trainer fails once on the last rank
 *   bad-images    all images are too large for the last rank
 *   detect        boxes instead of classes: a loss that is divided by the number of positives in the global batch
 * Errors are printed by rank 0 as "failed (CLASS): TEXT"; every rank must have the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/classify.h"
#include "bit/detect.h"
#include "bit/comm.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/train.h"

enum { SIZE = 16, DETECT_SIZE = 64, DETECT_MICRO = 2, BOXES = 3 };

struct run {
    struct bit_group *world;
    struct bit_index *index;
    struct bit_stream *stream;
    struct bit_classify head;
    struct bit_detect detect;
    struct bit_head_operations operations; /* detection's, but boxes are made up */
    struct bit_model *model;
    struct bit_trainer *trainer;
    const char *mode;
    int batch, micro;
};

static int is(const struct run *r, const char *mode)
{
    return !strcmp(r->mode, mode);
}

static int size_of(const struct run *r)
{
    return is(r, "detect") ? DETECT_SIZE : SIZE;
}

/* ---- detection of boxes that follow from an image's class and place in the micro-batch: none to three ---- */

static void boxes_of(int32_t class, int place, int32_t *start, struct bit_box *boxes, int32_t *labels)
{
    start[1] = start[0];
    for (int i = 0; i < (class + place) % (BOXES + 1); i++) {
        const double x = 3.3 * class + 2 * place, y = 8.25 * i + class, side = 9.5 + 7 * i + class;
        boxes[start[1]] = (struct bit_box){x, y, x + side, y + 1.2 * side};
        labels[start[1]++] = (class + i) % 10;
    }
}

static void detect_loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                        double scale, double *losses)
{
    struct bit_detect usual;
    struct bit_box boxes[DETECT_MICRO * BOXES];
    int32_t labels[DETECT_MICRO * BOXES], start[DETECT_MICRO + 1] = {0};
    bit_detect_init(&usual, 1);
    for (int i = 0; i < images; i++)
        boxes_of(targets->labels[targets->label_start[i]], i, &start[i], boxes, labels);
    const struct bit_targets with_boxes = {.labels = labels, .label_start = start, .boxes = boxes};
    usual.head.operations->loss(head, call, &with_boxes, images, scale, losses);
}

static void make_detection(struct run *r)
{
    bit_detect_init(&r->detect, 10);
    r->operations = *r->detect.head.operations;
    r->operations.loss = detect_loss;
    r->detect.head.operations = &r->operations;
    r->detect.channels = 64;
    r->detect.layers = 1;
}

/* ---- */

static int open_index(struct run *r, const char *folder, struct bit_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/train", folder);
    r->index = bit_index_open(path, NULL, NULL, r->world, error);
    return r->index ? 0 : -1;
}

static int open_stream(struct run *r, struct bit_error *error)
{
    struct bit_stream_options options = {
        .index = r->index, .seed = 7, .training = true, .image_size = size_of(r), .resize = size_of(r), .area_min = 0.05,
        .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true,
        .precision = BIT_FLOAT32, .batch = r->batch, .micro_batch = r->micro, .rank = r->world->rank,
        .ranks = r->world->size, .loaders = 1, .prefetch = 2,
        .file_limit = is(r, "bad-images") && r->world->rank == r->world->size - 1 ? 1 : 1 << 20, .pixel_limit = 1 << 20,
        .scan_limit = 100,
    };
    r->stream = bit_stream_create(&options, error);
    if (r->stream)
        bit_stream_seek(r->stream, 0, error);
    return bit_group_agree(r->world, error);
}

static struct bit_trainer_options trainer_options(const struct run *r)
{
    return (struct bit_trainer_options){
        .model = r->model, .stream = r->stream, .world = r->world,
        .step = {.batch = r->batch, .micro_batch = r->micro, .image_size = size_of(r), .precision = BIT_FLOAT32, .momentum = 0.9,
                 .weight_decay = 1e-4, .guarded = true},
    };
}

/* The trainer's n-th allocation fails on the last rank, for every n: no rank gets a trainer, all the same error.
 * Before the stream is there, whose threads allocate, too. */
static int starve(struct run *r, struct bit_error *error)
{
    struct bit_trainer_options how = trainer_options(r);
    size_t before = bit_memory_used();
    int failures = 0;
    for (struct bit_trainer *trainer = NULL; !trainer; failures++) {
        struct bit_error none = {0};
        if (r->world->rank == r->world->size - 1)
            bit_memory_fail_at((size_t)failures + 1);
        trainer = bit_trainer_create(&how, &none);
        bit_trainer_destroy(trainer);
        if (!trainer && none.code != BIT_EENVIRONMENT)
            return bit_fail(error, BIT_EINTERNAL, "no trainer, class %s", bit_code_name(none.code));
        if (bit_memory_used() != before)
            return bit_fail(error, BIT_EINTERNAL, "%zu bytes were left behind", bit_memory_used() - before);
    }
    bit_memory_fail_at(0);
    if (r->world->rank == 0)
        printf("survived %d failures of allocation\n", failures - 1);
    return 0;
}

static int make_model(struct run *r, struct bit_error *error)
{
    const struct bit_backend *backend = bit_backend_find("openblas", error);
    bool batch_norm = is(r, "batch-norm"), detect = is(r, "detect");
    make_detection(r);
    bit_classify_init(&r->head, bit_index_classes(r->index), BIT_SOFTMAX, NAN);
    struct bit_model_options options = {
        .depth = detect ? 14 : 8, .width = 1, .head = detect ? &r->detect.head : &r->head.head,
        .norm = batch_norm ? BIT_BATCH_NORM : BIT_GROUP_NORM, .weight_standardization = true,
        .image_size = size_of(r), .micro_batch = r->micro,
        .micro_batches = batch_norm ? r->batch / r->world->size / r->micro : 1, .precision = BIT_FLOAT32,
        .training = true, .backend = backend, .group = r->world,
    };
    r->model = bit_model_create(&options, error);
    return bit_group_agree(r->world, error);
}

static int make_trainer(struct run *r, struct bit_error *error)
{
    struct bit_trainer_options how = trainer_options(r);
    r->trainer = bit_trainer_create(&how, error);
    if (!r->trainer)
        return -1;
    bit_model_initialise(r->model, BIT_LECUN_NORMAL, 11, bit_trainer_weights(r->trainer), error);
    if (bit_group_agree(r->world, error))
        return -1;
    return bit_trainer_weights_changed(r->trainer, error);
}

/* Plants or takes away the fault of a mode on the last rank. */
static int disturb(struct run *r, int step, struct bit_error *error)
{
    static float kept;
    float *weight = bit_trainer_weights(r->trainer) + bit_model_table(r->model)->items[3].offset;
    bool last = r->world->rank == r->world->size - 1;
    bool poison = is(r, "stop") || is(r, "skip");
    if (last && poison && step == 2) {
        kept = *weight;
        *weight = NAN;
    } else if (last && is(r, "skip") && step == 3) {
        *weight = kept;
    } else if (last && is(r, "replica") && step == 3) {
        *weight = nextafterf(*weight, 100);
    }
    return poison || is(r, "replica") ? bit_trainer_weights_changed(r->trainer, error) : 0;
}

static int train(struct run *r, int steps, struct bit_error *error)
{
    struct bit_hash hash;
    char text[BIT_HASH_TEXT];
    double covered = 0;
    for (int step = 0; step < steps; step++) {
        struct bit_step_result result;
        struct bit_error harm;
        if (disturb(r, step, error) ||
            (is(r, "replica") && bit_trainer_check_replicas(r->trainer, NULL, &harm, error)) ||
            bit_trainer_step(r->trainer, step < 3 ? 0.001 * (step + 1) : 0.003, INFINITY, &result, error))
            return -1;
        if (!result.applied && !(is(r, "skip") && result.refusal == BIT_REFUSED_NONFINITE)) {
            *error = result.refused;
            return -1;
        }
        double parts = result.data_seconds + result.forward_seconds + result.backward_seconds + result.reduce_seconds +
                       result.update_seconds;
        covered = fmax(covered, parts / result.seconds);
        if (r->world->rank == 0)
            printf("step %d loss %a gradient %a weights %a%s\n", step, result.loss, result.gradient_norm,
                   result.weight_norm, result.applied ? "" : " skipped");
    }
    struct bit_error harm;
    if (bit_trainer_check_replicas(r->trainer, &hash, &harm, error))
        return -1;
    if (harm.code)
        return bit_fail(error, harm.code, "%s", harm.text);
    /* Behind the last exchange, for the ranks' times differ. A busy machine may stop a rank between any two parts: of the best of several steps. */
    enum { SEVERAL = 3 };
    if (covered > 1.001 || (covered < 0.5 && steps >= SEVERAL))
        return bit_fail(error, BIT_EINTERNAL, "the parts of a step add up to %g of its time", covered);
    bit_hash_text(hash, text);
    if (r->world->rank == 0)
        printf("hash %s\n", text);
    return 0;
}

/* All ranks must return the same error. */
static int report(struct run *r, const struct bit_error *error)
{
    struct bit_hash mine = bit_hash_bytes(error->text, strlen(error->text)), all[r->world->size];
    struct bit_error lost = {0};
    if (bit_group_gather(r->world, &mine, sizeof mine, all, &lost))
        return 1;
    for (int i = 1; i < r->world->size; i++)
        if (!bit_hash_equal(all[0], all[i])) {
            fprintf(stderr, "rank %d: ranks 0 and %d return different errors; here: %s\n", r->world->rank, i, error->text);
            return 1;
        }
    if (error->code && r->world->rank == 0)
        printf("failed (%s): %s\n", bit_code_name(error->code), error->text);
    return 0;
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    struct run r = {.mode = argc > 2 ? argv[2] : "train"};
    r.batch = is(&r, "train") || is(&r, "memory") ? 32 : 16;
    r.micro = is(&r, "detect") ? DETECT_MICRO : 4;
    int steps = argc > 3 ? atoi(argv[3]) : 5;
    if (argc < 2) {
        fprintf(stderr, "usage: steps FOLDER [MODE [STEPS]]\n");
        return BIT_EUSAGE;
    }
    if (bit_comm_init(&argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return error.code;
    }
    r.world = bit_comm_world();
    bit_log_init("steps", BIT_LOG_ERROR);
    bit_compute_threads(1);
    if (open_index(&r, argv[1], &error) == 0 && make_model(&r, &error) == 0 &&
        (!is(&r, "memory") || starve(&r, &error) == 0) && open_stream(&r, &error) == 0 && make_trainer(&r, &error) == 0)
        train(&r, steps, &error);
    int code = report(&r, &error);
    bit_trainer_destroy(r.trainer);
    bit_model_destroy(r.model);
    bit_stream_destroy(r.stream);
    bit_index_close(r.index);
    if (code == 0 && bit_memory_used() != 0) {
        fprintf(stderr, "%zu bytes are still allocated\n", bit_memory_used());
        code = 1;
    }
    bit_comm_fini();
    return code;
}
