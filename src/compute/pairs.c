#include "compute/pairs.h"

#include "compute/pairs_kernels.h"

/* A stretch of the kernel whose rows a thread reads from end to end: 32 channels (forward) or a block of them. */
static void pack_stretch(const struct bit_pairs *p, const struct bit_geometry *g, bool forward, const float *from,
                         const float *scale, const float *offset, bit_bfloat16 *to)
{
    const struct pairs_kernels *k = BIT_PICK(pairs_kernels);
    const int step = forward ? p->block : PAIRS_DEPTH;
    const size_t stride = forward ? p->width_stride : p->depth_stride;
    for (int o = 0; o < g->outputs; o += step, to += stride)
        (forward ? k->interleave : k->transpose)(from + o, (size_t)g->outputs, p->block, scale ? scale + o : NULL,
                                                 scale ? offset + o : NULL, to);
}

void bit_pairs_pack(const struct bit_pairs *p, const struct bit_geometry *g, enum bit_direction direction,
                    const float *kernel, const float *scale, const float *offset, void *packed)
{
    const bool forward = direction == BIT_FORWARD;
    const int step = forward ? PAIRS_DEPTH : p->block, stretches = g->channels / step;
    const size_t stride = forward ? p->depth_stride : p->width_stride;
#pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int i = 0; i < p->rows * p->columns * stretches; i++) {
        const int s = i % stretches, row = i / stretches / p->columns, column = i / stretches % p->columns;
        const int y = p->kernel_y + row * p->kernel_step, x = p->kernel_x + column * p->kernel_step;
        const size_t from = ((size_t)(y * g->kernel + x) * (size_t)g->channels + (size_t)(s * step)) * (size_t)g->outputs;
        const size_t to = (size_t)s * stride + (size_t)row * p->row_stride + (size_t)column * p->column_stride;
        pack_stretch(p, g, forward, kernel + from, scale, offset, (bit_bfloat16 *)packed + to);
    }
}
