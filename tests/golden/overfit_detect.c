/* overfit_detect [--steps N] [--precision float32|bfloat16] [--threads N] [--taps sum] [--norm none] [--write FOLDER]: eight pictures of 128 pixels with coloured
 * rectangles and discs, drawn here, are learned by heart by R14x1 with RetinaNet: pixels, boxes, matches, losses, gradients, SGD, decoding,
 * suppression and COCO's average precision, all in one. Prints both losses now and then and AP at the end; exit 0 when AP is 1 to three
 * digits. --write: writes the pictures as PNG files and their boxes as COCO annotations, and learns nothing. */
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/coco.h"
#include "bit/detect.h"
#include "bit/file.h"
#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/optimise.h"
#include "bit/random.h"
#include "bit/text.h"

enum { PICTURES = 8, SIZE = 128, CLASSES = 4, MOST = 3 };

static const char *const colours[CLASSES] = {"red square", "green disc", "blue square", "yellow disc"};
static const float tints[CLASSES][3] = {{0.9f, -0.7f, -0.7f}, {-0.7f, 0.8f, -0.6f}, {-0.6f, -0.5f, 0.9f}, {0.9f, 0.8f, -0.7f}};

struct pictures {
    float *pixels;
    struct bit_box boxes[PICTURES * MOST];
    int32_t labels[PICTURES * MOST], start[PICTURES + 1];
};

/* The shape fills its box. */
static void draw(float *picture, const struct bit_box *box, int32_t class)
{
    const double cx = (box->x1 + box->x2) / 2, cy = (box->y1 + box->y2) / 2, rx = (box->x2 - box->x1) / 2, ry = (box->y2 - box->y1) / 2;
    for (int y = (int)box->y1; y < (int)box->y2; y++)
        for (int x = (int)box->x1; x < (int)box->x2; x++)
            if (class % 2 == 0 || pow((x + 0.5 - cx) / rx, 2) + pow((y + 0.5 - cy) / ry, 2) < 1)
                memcpy(picture + (y * SIZE + x) * 3, tints[class], sizeof tints[class]);
}

/* One to three shapes a picture, each in a third of it, over a noisy ground. */
static void make_pictures(struct pictures *p)
{
    struct bit_random random;
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < PICTURES * SIZE * SIZE * 3; i++)
        p->pixels[i] = (float)(0.3 * bit_random_uniform(&random) - 0.3);
    for (int i = 0; i < PICTURES; i++) {
        p->start[i + 1] = p->start[i];
        for (int k = 0; k < 1 + i % MOST; k++) {
            const double w = 24 + (double)bit_random_below(&random, 18), h = 24 + (double)bit_random_below(&random, 40);
            const double x = 42.0 * k + (double)bit_random_below(&random, (uint64_t)(43 - w)), y = (double)bit_random_below(&random, (uint64_t)(SIZE - h));
            const int n = p->start[i + 1]++;
            p->boxes[n] = (struct bit_box){x, y, x + w, y + h};
            p->labels[n] = (int32_t)bit_random_below(&random, CLASSES);
            draw(p->pixels + (size_t)i * SIZE * SIZE * 3, &p->boxes[n], p->labels[n]);
        }
    }
}

static void must(int result, const struct bit_error *error)
{
    if (!result)
        return;
    fprintf(stderr, "overfit_detect: %s\n", error->text);
    exit(error->code);
}

static void write_picture(const float *pixels, const char *folder, int number)
{
    static unsigned char bytes[SIZE * SIZE * 3];
    png_image image = {.version = PNG_IMAGE_VERSION, .width = SIZE, .height = SIZE, .format = PNG_FORMAT_RGB};
    struct bit_error error = {0};
    char path[4096];
    for (int i = 0; i < SIZE * SIZE * 3; i++)
        bytes[i] = (unsigned char)lrint(127.5 * ((double)pixels[i] + 1));
    snprintf(path, sizeof path, "%s/%d.png", folder, number);
    if (!png_image_write_to_file(&image, path, 0, bytes, 0, NULL))
        must(bit_fail(&error, BIT_EENVIRONMENT, "cannot write %s: %s", path, image.message), &error);
}

static void write_pictures(const struct pictures *p, const char *folder)
{
    struct bit_error error = {0};
    struct bit_text text = {0};
    char path[4096];
    bit_text_add(&text, "{\"images\": [");
    for (int i = 0; i < PICTURES; i++) {
        write_picture(p->pixels + (size_t)i * SIZE * SIZE * 3, folder, i + 1);
        bit_text_add(&text, "%s{\"id\": %d, \"width\": %d, \"height\": %d, \"file_name\": \"%d.png\"}", i ? ", " : "", i + 1, SIZE, SIZE, i + 1);
    }
    bit_text_add(&text, "],\n \"annotations\": [");
    for (int i = 0; i < PICTURES; i++)
        for (int n = p->start[i]; n < p->start[i + 1]; n++) {
            const struct bit_box *b = &p->boxes[n];
            const double w = b->x2 - b->x1, h = b->y2 - b->y1;
            bit_text_add(&text, "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"bbox\": [%g, %g, %g, %g], \"area\": %g, \"iscrowd\": 0}",
                         n ? ", " : "", n + 1, i + 1, 3 * p->labels[n] + 2, b->x1, b->y1, w, h, w * h);
        }
    bit_text_add(&text, "],\n \"categories\": [");
    for (int c = 0; c < CLASSES; c++) /* ids with gaps, as COCO's */
        bit_text_add(&text, "%s{\"id\": %d, \"name\": \"%s\"}", c ? ", " : "", 3 * c + 2, colours[c]);
    bit_text_add(&text, "]}\n");
    snprintf(path, sizeof path, "%s/boxes.json", folder);
    must(bit_file_write(path, text.data, text.size, &error), &error);
    bit_text_free(&text);
}

struct run {
    struct bit_detect head;
    struct bit_model_options options;
    struct bit_model *model;
    const struct bit_table *table;
    struct bit_gradient *gradient;
    struct bit_piece piece;
    struct bit_share share;
    struct bit_guard *guard;
    float *weights, *velocity;
    void *typed;
};

static void setup(struct run *r, const struct pictures *pictures)
{
    struct bit_error error = {0};
    const size_t pixels = (size_t)PICTURES * SIZE * SIZE * 3;
    r->model = bit_model_create(&r->options, &error);
    must(!r->model, &error);
    r->table = bit_model_table(r->model);
    r->piece = (struct bit_piece){0, r->table->elements};
    r->share = (struct bit_share){1, r->table->elements, &r->piece};
    r->guard = bit_guard_create(r->table, &r->share, &error);
    r->gradient = bit_gradient_create(r->table, 1, &error);
    r->weights = bit_allocate(r->table->elements, sizeof(float), "weights", &error);
    r->velocity = bit_allocate(r->table->elements, sizeof(float), "momentum", &error);
    r->typed = bit_allocate(pixels, sizeof(float), "pictures", &error);
    must(!r->guard || !r->gradient || !r->weights || !r->velocity || !r->typed, &error);
    must(bit_model_initialise(r->model, BIT_LECUN_NORMAL, 1, r->weights, &error), &error);
    bit_cast_from_float(r->options.precision, pictures->pixels, pixels, r->typed, 1);
}

static void teardown(struct run *r)
{
    bit_free(r->weights), bit_free(r->velocity), bit_free(r->typed);
    bit_gradient_destroy(r->gradient);
    bit_guard_destroy(r->guard);
    bit_model_destroy(r->model);
}

static void step(struct run *r, const struct pictures *p, int number, int steps)
{
    const struct bit_head *head = &r->head.head;
    const struct bit_targets targets = {.labels = p->labels, .label_start = p->start, .boxes = p->boxes};
    struct bit_error error = {0};
    double losses[PICTURES], focal = 0, box = 0;
    must(bit_model_set_weights(r->model, r->weights, &error) || bit_model_forward(r->model, r->typed, true, &error), &error);
    const struct bit_head_call *call = bit_model_call(r->model);
    head->operations->loss(head, call, &targets, PICTURES, 1.0 / PICTURES, losses);
    const double positives = (double)head->operations->positives(head, call, PICTURES);
    for (int i = 0; i < PICTURES; i++) {
        focal += bit_detect_losses(call)[i].focal / (positives + 1);
        box += bit_detect_losses(call)[i].box / (positives + 1);
    }
    bit_gradient_start(r->gradient, NULL, NULL);
    must(bit_model_backward(r->model, bit_gradient_sink(r->gradient, 0), &error), &error);
    const struct bit_sgd sgd = {.rate = 0.02 * (number < 10 ? (number + 1) / 10.0 : 1), .momentum = 0.9,
                                .weight_decay = 1e-4, .gradient_scale = PICTURES / (positives + 1)};
    bit_sgd_update(&sgd, r->guard, bit_gradient_block(r->gradient), r->weights, r->velocity);
    if (number % 10 == 0 || number + 1 == steps)
        printf("step %3d: class loss %.4f, box loss %.4f, %.0f positives\n", number, focal, box, positives);
}

/* The pictures as annotations: image i has id i + 1, class c the category c + 1. */
static void make_truth(const struct pictures *p, struct bit_coco *coco)
{
    static struct bit_coco_image images[PICTURES];
    static struct bit_coco_category categories[CLASSES];
    static struct bit_coco_box boxes[PICTURES * MOST];
    static char names[1];
    for (int i = 0; i < PICTURES; i++)
        images[i] = (struct bit_coco_image){.id = i + 1, .width = SIZE, .height = SIZE};
    for (int c = 0; c < CLASSES; c++)
        categories[c] = (struct bit_coco_category){.id = c + 1};
    for (int i = 0; i < PICTURES; i++)
        for (int n = p->start[i]; n < p->start[i + 1]; n++) {
            const struct bit_box *b = &p->boxes[n];
            boxes[n] = (struct bit_coco_box){.id = n + 1, .image = i + 1, .category = p->labels[n] + 1,
                                             .box = {b->x1, b->y1, b->x2 - b->x1, b->y2 - b->y1}, .area = (b->x2 - b->x1) * (b->y2 - b->y1)};
        }
    *coco = (struct bit_coco){.images = images, .categories = categories, .boxes = boxes, .image_count = PICTURES, .category_count = CLASSES,
                              .box_count = (size_t)p->start[PICTURES], .names = names, .names_size = 1};
}

static double average_precision(struct run *r, const struct pictures *p)
{
    static struct bit_coco_result results[PICTURES * 100];
    struct bit_coco_results all = {.results = results};
    struct bit_coco_scores scores;
    struct bit_coco coco;
    struct bit_error error = {0};
    struct bit_detect_record *record = bit_allocate(1, r->head.head.operations->record_bytes(&r->head.head), "boxes", &error);
    must(!record || bit_model_set_weights(r->model, r->weights, &error) || bit_model_forward(r->model, r->typed, false, &error), &error);
    for (int i = 0; i < PICTURES; i++) {
        const struct bit_targets targets = {.labels = p->labels, .label_start = p->start, .boxes = p->boxes};
        r->head.head.operations->keep(&r->head.head, bit_model_call(r->model), &targets, i, record);
        for (uint64_t k = 0; k < record->count && record->count <= 100; k++) {
            const struct bit_detection *d = &record->found[k];
            results[all.count++] = (struct bit_coco_result){.image = i + 1, .category = d->label + 1, .score = d->score,
                .box = {d->box.x1, d->box.y1, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1}};
        }
    }
    bit_free(record);
    make_truth(p, &coco);
    must(bit_coco_score(&coco, &all, false, &scores, &error), &error);
    printf("%zu boxes for %zu; AP %.3f, AP50 %.3f\n", all.count, coco.box_count, scores.numbers[BIT_COCO_AP], scores.numbers[BIT_COCO_AP50]);
    const double ap = scores.numbers[BIT_COCO_AP];
    bit_coco_scores_free(&scores);
    return ap;
}

int main(int argc, char **argv)
{
    struct pictures pictures = {0};
    struct run r = {0};
    struct bit_error error = {0};
    int steps = 60, threads = 2;
    enum bit_type precision = BIT_FLOAT32;
    const char *folder = NULL;
    bit_compute_start(argv);
    bit_detect_init(&r.head, CLASSES);
    r.head.channels = 64;
    r.head.layers = 2;
    r.head.anchor_scale = 3;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--steps"))
            steps = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--threads"))
            threads = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--precision"))
            precision = strcmp(argv[i + 1], "bfloat16") ? BIT_FLOAT32 : BIT_BFLOAT16;
        else if (!strcmp(argv[i], "--write"))
            folder = argv[i + 1];
        else if (!strcmp(argv[i], "--taps"))
            r.head.head.activated = strcmp(argv[i + 1], "sum");
        else if (!strcmp(argv[i], "--norm"))
            r.head.group_norm = strcmp(argv[i + 1], "none");
    }
    bit_compute_threads(threads);
    r.options = (struct bit_model_options){.depth = 14, .width = 1, .head = &r.head.head, .norm = BIT_GROUP_NORM, .weight_standardization = true,
                                           .image_size = SIZE, .micro_batch = PICTURES, .micro_batches = 1, .precision = precision,
                                           .training = true, .backend = bit_backend_find("auto", &error)};
    pictures.pixels = bit_allocate((size_t)PICTURES * SIZE * SIZE * 3, sizeof(float), "pictures", &error);
    must(!pictures.pixels, &error);
    make_pictures(&pictures);
    if (folder) {
        write_pictures(&pictures, folder);
        bit_free(pictures.pixels);
        return 0;
    }
    printf("%d pictures of %s, %s, %s, %s\n", PICTURES, colours[0], colours[1], colours[2], colours[3]);
    setup(&r, &pictures);
    for (int i = 0; i < steps; i++)
        step(&r, &pictures, i, steps);
    const double ap = average_precision(&r, &pictures);
    teardown(&r);
    bit_free(pictures.pixels);
    return ap > 0.9995 ? 0 : 1;
}
