/* Initial weights. Numbers are keyed by (seed, parameter, block of elements), so threads cannot matter. */
#include <math.h>
#include <string.h>

#include "bit/random.h"
#include "model/network.h"

enum { BLOCK = 8192 };

/* LeCun normal: variance 1 / fan-in, fan-in H W I; as the frameworks do that have it under this name, cut off at two
 * standard deviations, the deviation enlarged so that the variance after the cut is right. He: normal, variance
 * 2 / fan-out, fan-out H W O, not cut. */
static const double CUT = 2, CUT_DEVIATION = 0.87962566103423978;

static void fill_kernel(const struct bit_parameter *p, size_t number, enum bit_initialisation how, uint64_t seed,
                        float *values)
{
    const double in = (double)(p->shape[0] * p->shape[1] * p->shape[2]);
    const double out = (double)(p->shape[0] * p->shape[1] * p->shape[3]);
    const bool lecun = how == BIT_LECUN_NORMAL;
    const double deviation = lecun ? sqrt(1 / in) / CUT_DEVIATION : sqrt(2 / out);
    const size_t blocks = (p->count + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) num_threads(bit_compute_thread_count())
    for (size_t b = 0; b < blocks; b++) {
        struct bit_random random;
        bit_random_init(&random, seed, BIT_PURPOSE_INITIALISE, number, b);
        for (size_t i = b * BLOCK; i < (b + 1) * BLOCK && i < p->count; i++) {
            double z;
            do
                z = bit_random_normal(&random);
            while (lecun && fabs(z) > CUT);
            values[i] = (float)(deviation * z);
        }
    }
}

int bit_model_initialise(const struct bit_model *model, enum bit_initialisation how, uint64_t seed, float *weights,
                         struct bit_error *error)
{
    const struct bit_table *table = model->table;
    const struct bit_head *head = model->options.head;
    const size_t backbone = (size_t)model->network.head;
    (void)error;
    memset(weights, 0, table->elements * sizeof *weights);
    for (size_t n = 0; n < backbone; n++) {
        const struct bit_parameter *p = &table->items[n];
        float *values = weights + p->offset;
        if (p->kind == BIT_KERNEL)
            fill_kernel(p, n, how, seed, values);
        else if (p->kind == BIT_GAMMA)
            for (size_t i = 0; i < p->count; i++)
                values[i] = 1;
    }
    if (head)
        head->operations->initialise(head, table, backbone, seed, weights);
    return 0;
}
