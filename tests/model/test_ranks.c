/* Two processes under one batch norm: a layer that fails on one of them fails both, and nobody waits for ever. */
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/memory.h"
#include "bit/classify.h"
#include "bit/model.h"
#include "compute/backend.h"

/* ---- a group of two over a socket ---- */

static int transfer(int file, void *data, size_t bytes, bool out)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = out ? write(file, (char *)data + done, bytes - done) : read(file, (char *)data + done, bytes - done);
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static int pair_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error)
{
    return transfer(*(int *)g->context, data, bytes, root == g->rank) ? bit_fail(error, BIT_EENVIRONMENT, "gone") : 0;
}

static int pair_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error)
{
    memcpy((char *)all + (size_t)g->rank * bytes, mine, bytes);
    for (int root = 0; root < 2; root++)
        if (pair_broadcast(g, (char *)all + (size_t)root * bytes, bytes, root, error))
            return -1;
    return 0;
}

static const struct bit_group_operations pair_operations = {pair_broadcast, pair_gather};

/* ---- a backend whose n-th operation fails ---- */

static int runs, fails_at; /* 0: never */
struct failing { struct bit_operation base, *inner; };

static int failing_run(struct bit_operation *o, const void *first, const void *second, bool accumulate, void *result,
                       void *scratch, struct bit_error *error)
{
    struct bit_operation *inner = ((struct failing *)o)->inner;
    if (++runs == fails_at)
        return bit_fail(error, BIT_EINTERNAL, "a layer was told to fail");
    return inner->run(inner, first, second, accumulate, result, scratch, error);
}

static int failing_pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    struct bit_operation *inner = ((struct failing *)o)->inner;
    return inner->pack(inner, kernel, packed, error);
}

static void failing_pack_scaled(struct bit_operation *o, const float *kernel, const float *scale, const float *offset, void *packed)
{
    struct bit_operation *inner = ((struct failing *)o)->inner;
    inner->pack_scaled(inner, kernel, scale, offset, packed);
}

static void failing_destroy(struct bit_operation *o)
{
    struct bit_operation *inner = ((struct failing *)o)->inner;
    inner->destroy(inner);
    bit_free(o);
}

static int failing_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                          struct bit_operation **operation, struct bit_error *error)
{
    struct failing *f = bit_allocate(1, sizeof *f, "a failing operation", error);
    if (!f || bit_backend_openblas.create(geometry, type, direction, &f->inner, error) || !f->inner)
        return -1;
    f->base = *f->inner;
    f->base.run = failing_run;
    f->base.pack = f->inner->pack ? failing_pack : NULL;
    f->base.pack_scaled = f->inner->pack_scaled ? failing_pack_scaled : NULL;
    f->base.destroy = failing_destroy;
    *operation = &f->base;
    return 0;
}

static void failing_multiply(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, const float *b,
                             float beta, float *c)
{
    bit_backend_openblas.multiply(transpose_a, transpose_b, m, n, k, a, b, beta, c);
}

static const struct bit_backend failing = {.name = "failing", .create = failing_create, .multiply = failing_multiply};

/* ---- one rank's pass ---- */

enum { IMAGES = 2, SIZE = 17, CLASSES = 3 };
struct room { struct bit_gradient_sink sink; float *values; };

static float *room_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    (void)parameter;
    return ((struct room *)sink)->values;
}

static void room_done(struct bit_gradient_sink *sink, size_t parameter)
{
    (void)sink, (void)parameter;
}

static struct bit_classify head;

static struct bit_model_options options_of(bool global, struct bit_group *group)
{
    bit_classify_init(&head, CLASSES, BIT_SOFTMAX, 0);
    return (struct bit_model_options){
        .depth = 14, .width = 1, .head = &head.head, .norm = BIT_BATCH_NORM, .batch_norm_global = global,
        .weight_standardization = true, .image_size = SIZE, .micro_batch = IMAGES, .micro_batches = 1, .training = true,
        .backend = &failing, .group = group};
}

/* Made once: to draw them takes longer than a pass. */
static float *weights;

static bool make_weights(void)
{
    const struct bit_model_options options = options_of(false, NULL);
    struct bit_model *model = bit_model_create(&options, NULL);
    weights = model ? bit_allocate(bit_model_table(model)->elements, sizeof *weights, "weights", NULL) : NULL;
    bool made = weights && bit_model_initialise(model, BIT_LECUN_NORMAL, 5, weights, NULL) == 0;
    bit_model_destroy(model);
    return made;
}

/* 0: both passes succeeded; 1: one failed, with the error of rank 1's layer; 2: anything else. `number`: operations run. */
static int pass(int rank, int file, bool global, int fails, int *number)
{
    struct bit_group group = {.rank = rank, .size = 2, .node_rank = rank, .node_size = 2, .operations = &pair_operations,
                              .context = &file};
    const struct bit_model_options options = options_of(global, &group);
    static float images[IMAGES * SIZE * SIZE * 3];
    static const int32_t labels[IMAGES];
    const struct bit_targets targets = {.labels = labels};
    double losses[IMAGES];
    struct bit_error error = {0};
    runs = 0;
    fails_at = rank == 1 ? fails : 0;
    bit_compute_threads(1);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        images[i] = (float)((i * 7919 + (size_t)rank * 31) % 201) / 100 - 1;
    struct bit_model *model = bit_model_create(&options, &error);
    if (!model)
        return 2;
    struct room room = {{room_begin, room_done},
                        bit_allocate(bit_model_table(model)->elements, sizeof(float), "a gradient", &error)};
    int bad = !room.values || bit_model_set_weights(model, weights, &error) ||
              bit_model_forward(model, images, true, &error);
    if (!bad) {
        head.head.operations->loss(&head.head, bit_model_call(model), &targets, IMAGES, 1, losses);
        bad = bit_model_backward(model, &room.sink, &error);
    }
    *number = runs;
    bit_free(room.values);
    bit_model_destroy(model);
    if (!bad)
        return error.code == BIT_OK ? 0 : 2;
    return strstr(error.text, "a layer was told to fail") ? 1 : 2;
}

/* Both ranks; false when the other one gave something else than `expected`. */
static bool both(bool global, int fails, int *mine, int expected, int *number)
{
    int files[2], status = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, files))
        return false;
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a rank that waits for ever */
        close(files[0]);
        _exit(pass(1, files[1], global, fails, number));
    }
    close(files[1]);
    *mine = pass(0, files[0], global, 0, number);
    close(files[0]);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == expected;
}

static void test_failing_layer(void)
{
    int mine, total, number;
    bit_compute_threads(1);
    REQUIRE(make_weights());
    for (int global = 1; global >= 0; global--) {
        CHECK(both(global, 0, &mine, 0, &total) && mine == 0);
        REQUIRE(total > 30);
        /* forward passes: the root's and the first unit's, the last one's; backward: the first and one in the middle */
        const int forward = total / 3 + 1, at[] = {1, 2, 5, forward - 1, forward + 2, total / 2};
        for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
            CHECK(both(global, at[i], &mine, 1, &number));
            /* the other rank hears of it where statistics are common, or in the forward pass */
            CHECK(mine == (global || at[i] < forward ? 1 : 0));
        }
        CHECK(both(global, total, &mine, 1, &number)); /* nothing is common any more: the step agrees */
        CHECK(mine == 0);
    }
    bit_free(weights);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"failing layer", test_failing_layer}};
    alarm(120);
    signal(SIGPIPE, SIG_IGN);
    return unit_main("ranks", tests, sizeof tests / sizeof *tests, argc, argv);
}
