/* bfloat16 where the processor multiplies float32 faster: a few images at a time are widened to float32, small enough to stay in cache,
 * handed to the float32 operation of the same backend, and rounded again. Memory holds bfloat16; products and sums are float32's. */
#include "compute/widened.h"

#include <pthread.h>
#include <string.h>

#include "bit/bfloat16.h"
#include "bit/memory.h"
#include "compute/isa.h"
#include "compute/row_kernels.h"

enum { CACHE = 2 << 20, /* bytes of widened images a thread */ STRETCH = 1 << 14 /* numbers that a thread converts at a time */,
       BLOCK = 2048 /* and of a kernel, on its stack */ };

struct widened {
    struct bit_operation base;
    struct bit_operation *inner;      /* float32, of `group` images */
    int groups;
    size_t first, second, result;     /* numbers of a group: of the operands and of the result; second 0: a packed kernel */
    size_t kernel;                    /* numbers of the kernel; 0: of weight gradients, which have none */
};

/* A kernel as bfloat16 has it, while it is packed: one place for all operations, as large as their largest, while there are any. */
static struct { pthread_mutex_t lock; float *numbers; size_t size, users; } rounded = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int share_rounded(size_t size, struct bit_error *error)
{
    int result = 0;
    pthread_mutex_lock(&rounded.lock);
    if (size > rounded.size) {
        float *larger = bit_allocate(size, sizeof *larger, "a kernel", error);
        result = larger ? 0 : -1;
        if (larger) {
            bit_free(rounded.numbers);
            rounded.numbers = larger;
            rounded.size = size;
        }
    }
    rounded.users += result == 0;
    pthread_mutex_unlock(&rounded.lock);
    return result;
}

static void leave_rounded(void)
{
    pthread_mutex_lock(&rounded.lock);
    if (--rounded.users == 0) {
        bit_free(rounded.numbers);
        rounded.numbers = NULL;
        rounded.size = 0;
    }
    pthread_mutex_unlock(&rounded.lock);
}

static size_t round_up(size_t x)
{
    return (x + 15) / 16 * 16;
}

/* ---- conversions, by all threads ---- */

static void widen(const bit_bfloat16 *from, size_t count, float *to)
{
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static) if (count > STRETCH)
    for (size_t at = 0; at < count; at += STRETCH)
        BIT_PICK(row_kernels)->widen(from + at, count - at < STRETCH ? count - at : STRETCH, to + at);
}

static void narrow(const float *from, size_t count, bool accumulate, bit_bfloat16 *to)
{
    const struct row_kernels *kernels = BIT_PICK(row_kernels);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static) if (count > STRETCH)
    for (size_t at = 0; at < count; at += STRETCH)
        (accumulate ? kernels->narrow_added : kernels->narrow)(from + at, count - at < STRETCH ? count - at : STRETCH, to + at);
}

static void add(const float *from, size_t count, float *to)
{
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static) if (count > STRETCH)
    for (size_t at = 0; at < count; at += STRETCH)
        BIT_PICK(row_kernels)->add(from + at, count - at < STRETCH ? count - at : STRETCH, to + at);
}

/* ---- the operation ---- */

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    struct widened *w = (struct widened *)o;
    const struct row_kernels *kernels = BIT_PICK(row_kernels);
    pthread_mutex_lock(&rounded.lock);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static) if (w->kernel > BLOCK)
    for (size_t at = 0; at < w->kernel; at += BLOCK) {
        bit_bfloat16 narrow[BLOCK];
        size_t count = w->kernel - at < BLOCK ? w->kernel - at : BLOCK;
        kernels->narrow(kernel + at, count, narrow);
        kernels->widen(narrow, count, rounded.numbers + at);
    }
    int result = w->inner->pack(w->inner, rounded.numbers, packed, error);
    pthread_mutex_unlock(&rounded.lock);
    return result;
}

static int run(struct bit_operation *o, const void *first, const void *packed, bool accumulate, void *result, void *scratch,
               struct bit_error *error)
{
    struct widened *w = (struct widened *)o;
    float *from = scratch, *to = from + round_up(w->first), *rest = to + round_up(w->result);
    for (int g = 0; g < w->groups; g++) {
        widen((const bit_bfloat16 *)first + (size_t)g * w->first, w->first, from);
        if (w->inner->run(w->inner, from, packed, false, to, rest, error))
            return -1;
        narrow(to, w->result, accumulate, (bit_bfloat16 *)result + (size_t)g * w->result);
    }
    return 0;
}

/* The groups' gradients are added in their order. */
static int run_weights(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel, void *scratch,
                       struct bit_error *error)
{
    struct widened *w = (struct widened *)o;
    float *a = scratch, *b = a + round_up(w->first), *part = b + round_up(w->second), *rest = part + (w->groups > 1 ? round_up(w->result) : 0);
    (void)accumulate;
    for (int g = 0; g < w->groups; g++) {
        widen((const bit_bfloat16 *)source + (size_t)g * w->first, w->first, a);
        widen((const bit_bfloat16 *)d_destination + (size_t)g * w->second, w->second, b);
        if (w->inner->run(w->inner, a, b, false, g ? part : d_kernel, rest, error))
            return -1;
        if (g)
            add(part, w->result, d_kernel);
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    struct widened *w = (struct widened *)o;
    if (w->inner)
        w->inner->destroy(w->inner);
    if (w->kernel)
        leave_rounded();
    bit_free(w);
}

/* ---- making it ---- */

/* Images at a time: as many as fit into the threads' cache, a divisor of all. Of weight gradients as many as make their images at least
 * as large as the kernel, which is written once a group. */
static int group_of(const struct bit_geometry *g, size_t image, size_t kernel, bool weights)
{
    size_t budget = (size_t)bit_compute_thread_count() * CACHE / sizeof(float), least = weights ? 4 * kernel : 0;
    size_t numbers = budget > least ? budget : least;
    int group = image < numbers ? (int)(numbers / image < (size_t)g->images ? numbers / image : (size_t)g->images) : 1;
    while (g->images % group)
        group--;
    return group;
}

int bit_widened_create(const struct bit_backend *backend, const struct bit_geometry *geometry, enum bit_type type,
                       enum bit_direction direction, struct bit_operation **operation, struct bit_error *error)
{
    if (type != BIT_BFLOAT16 || bit_level() >= BIT_LEVEL_AMX)
        return 0;
    struct bit_geometry inner = *geometry;
    size_t source = (size_t)geometry->height * geometry->width * geometry->channels;
    size_t destination = (size_t)bit_geometry_out_height(geometry) * bit_geometry_out_width(geometry) * geometry->outputs;
    size_t kernel = (size_t)geometry->kernel * geometry->kernel * geometry->channels * geometry->outputs;
    bool weights = direction == BIT_BACKWARD_WEIGHTS, forward = direction == BIT_FORWARD;
    struct widened *w = bit_allocate(1, sizeof *w, "a convolution", error);
    if (!w)
        return -1;
    inner.images = group_of(geometry, source + destination, kernel, weights);
    w->groups = geometry->images / inner.images;
    w->first = (size_t)inner.images * (weights || forward ? source : destination);
    w->second = weights ? (size_t)inner.images * destination : 0;
    w->result = weights ? kernel : (size_t)inner.images * (forward ? destination : source);
    for (const struct bit_backend *b = backend; b && !w->inner; b = b->below)
        if (b->create(&inner, BIT_FLOAT32, direction, &w->inner, error)) {
            destroy(&w->base);
            return -1;
        }
    if (!weights && share_rounded(kernel, error)) {
        destroy(&w->base);
        return -1;
    }
    w->kernel = weights ? 0 : kernel;
    size_t part = weights && w->groups > 1 ? round_up(kernel) : weights ? 0 : round_up(w->result);
    w->base = (struct bit_operation){
        .geometry = *geometry, .type = type, .packs_any_size = w->inner->packs_any_size, .packed_bytes = w->inner->packed_bytes,
        .kernel = w->inner->kernel && !strcmp(w->inner->kernel, "winograd") ? "widened-winograd" : "widened",
        .scratch_bytes = (round_up(w->first) + round_up(w->second) + part) * sizeof(float) + w->inner->scratch_bytes,
        .pack = weights ? NULL : pack, .run = weights ? run_weights : run, .destroy = destroy,
    };
    *operation = &w->base;
    return 0;
}
