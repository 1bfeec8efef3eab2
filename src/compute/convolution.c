/* Convolutions as the rest of the program calls them: geometry, checks, and the backend that does the work. */
#include <limits.h>

#include "bit/memory.h"
#include "compute/backend.h"

struct bit_convolution {
    struct bit_operation *operations[3]; /* by direction; backward data may be NULL */
};

static int check(const struct bit_geometry *g, struct bit_error *error)
{
    bool good = g->images > 0 && g->height > 0 && g->width > 0 && g->channels > 0 && g->outputs > 0 && g->kernel > 0 &&
                g->stride > 0 && g->padding >= 0 && g->padding < g->kernel && g->height + 2 * g->padding >= g->kernel &&
                g->width + 2 * g->padding >= g->kernel;
    if (!good)
        return bit_fail(error, BIT_EUSAGE,
                        "impossible convolution: %d images of %dx%dx%d, kernel %dx%d to %d, stride %d, padding %d", g->images,
                        g->height, g->width, g->channels, g->kernel, g->kernel, g->outputs, g->stride, g->padding);
    double row = (double)g->width * (g->channels > g->outputs ? g->channels : g->outputs);
    if (row * g->height > INT_MAX || (double)g->kernel * g->kernel * g->channels > INT_MAX)
        return bit_fail(error, BIT_EUSAGE, "convolution too large: images of %dx%d with %d and %d channels", g->height,
                        g->width, g->channels, g->outputs);
    return 0;
}

struct bit_convolution *bit_convolution_create(const struct bit_backend *backend, const struct bit_geometry *geometry,
                                               enum bit_type type, bool need_data_gradient, struct bit_error *error)
{
    if (check(geometry, error))
        return NULL;
    bit_compute_thread_count(); /* settles the number before primitives capture it */
    struct bit_convolution *c = bit_allocate(1, sizeof *c, "a convolution", error);
    if (!c)
        return NULL;
    for (int d = BIT_FORWARD; d <= BIT_BACKWARD_WEIGHTS; d++) {
        if (d == BIT_BACKWARD_DATA && !need_data_gradient)
            continue;
        for (const struct bit_backend *b = backend; b && !c->operations[d]; b = b->below) {
            if (b->create(geometry, type, (enum bit_direction)d, &c->operations[d], error)) {
                bit_convolution_destroy(c);
                return NULL;
            }
            if (c->operations[d] && !c->operations[d]->kernel)
                c->operations[d]->kernel = b->name;
        }
    }
    return c;
}

int bit_way_try(const struct bit_way *way, const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                struct bit_operation **operation, struct bit_error *error)
{
    if (way->create(geometry, type, direction, operation, error))
        return -1;
    if (*operation && !(*operation)->kernel)
        (*operation)->kernel = way->kernel;
    return 0;
}

const char *bit_convolution_kernel(const struct bit_convolution *c, enum bit_direction direction)
{
    return c->operations[direction] ? c->operations[direction]->kernel : NULL;
}

void bit_convolution_destroy(struct bit_convolution *c)
{
    if (!c)
        return;
    for (int d = BIT_FORWARD; d <= BIT_BACKWARD_WEIGHTS; d++)
        if (c->operations[d])
            c->operations[d]->destroy(c->operations[d]);
    bit_free(c);
}

size_t bit_convolution_packed_bytes(const struct bit_convolution *c, enum bit_direction direction)
{
    return c->operations[direction] ? c->operations[direction]->packed_bytes : 0;
}

size_t bit_convolution_scratch_bytes(const struct bit_convolution *c)
{
    size_t most = 0;
    for (int d = BIT_FORWARD; d <= BIT_BACKWARD_WEIGHTS; d++)
        if (c->operations[d] && c->operations[d]->scratch_bytes > most)
            most = c->operations[d]->scratch_bytes;
    return most;
}

int bit_convolution_pack(struct bit_convolution *c, enum bit_direction direction, const float *kernel, void *packed,
                         struct bit_error *error)
{
    struct bit_operation *o = c->operations[direction];
    if (!o || !o->pack)
        return bit_fail(error, BIT_EINTERNAL, "a kernel was packed for a direction that this convolution does not have");
    return o->pack(o, kernel, packed, error);
}

bool bit_convolution_packs_alike(const struct bit_convolution *a, const struct bit_convolution *b, enum bit_direction direction)
{
    const struct bit_operation *one = a->operations[direction], *two = b->operations[direction];
    if (one == two)
        return true;
    const struct bit_geometry *g = one ? &one->geometry : NULL, *h = two ? &two->geometry : NULL;
    return one && two && one->pack == two->pack && one->packs_any_size && two->packs_any_size && one->type == two->type &&
           one->packed_bytes == two->packed_bytes && g->channels == h->channels && g->outputs == h->outputs && g->kernel == h->kernel &&
           g->stride == h->stride && g->padding == h->padding;
}

bool bit_convolution_scales(const struct bit_convolution *c, enum bit_direction direction)
{
    return c->operations[direction] && c->operations[direction]->pack_scaled;
}

void bit_convolution_pack_scaled(struct bit_convolution *c, enum bit_direction direction, const float *kernel,
                                 const float *scale, const float *offset, void *packed)
{
    c->operations[direction]->pack_scaled(c->operations[direction], kernel, scale, offset, packed);
}

int bit_convolution_forward(struct bit_convolution *c, const void *source, const void *packed, bool accumulate,
                            void *destination, void *scratch, struct bit_error *error)
{
    struct bit_operation *o = c->operations[BIT_FORWARD];
    return o->run(o, source, packed, accumulate, destination, scratch, error);
}

int bit_convolution_backward_data(struct bit_convolution *c, const void *d_destination, const void *packed,
                                  bool accumulate, void *d_source, void *scratch, struct bit_error *error)
{
    struct bit_operation *o = c->operations[BIT_BACKWARD_DATA];
    if (!o)
        return bit_fail(error, BIT_EINTERNAL, "a convolution created without data gradient was asked for it");
    return o->run(o, d_destination, packed, accumulate, d_source, scratch, error);
}

int bit_convolution_backward_weights(struct bit_convolution *c, const void *source, const void *d_destination,
                                     float *d_kernel, void *scratch, struct bit_error *error)
{
    struct bit_operation *o = c->operations[BIT_BACKWARD_WEIGHTS];
    return o->run(o, source, d_destination, false, d_kernel, scratch, error);
}
