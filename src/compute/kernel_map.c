/* How fast the kernels are, relative to float32's plain ones on the same instruction set: for choosing between precisions.
 *
 * Measured on an Intel Xeon with AMX (2.6 GHz, one thread), each level by BIT_ISA, as GFLOP/s of each kernel over all convolutions of an
 * R50x1, divided by those of float32's plain products ("onednn" or "tiled") at that level:
 *
 *     BIT_ISA=LEVEL bit bench ops --model R50x1 --size 96 --batch 4 --micro-batch 4 --threads 1 --precision P --json
 *
 * What a kernel does on a level follows from its construction: bfloat16 without instructions of its own is converted to float32 and costs more
 * than float32 ("lowered", "onednn"); with AVX512-BF16 oneDNN packs pairs, which costs more than the doubled products save; with AMX a tile
 * product does 16 times the multiply-adds of a vector's. "split" does six products for one; "winograd" saves 2.25 of its multiplications. */
#include <string.h>

#include "bit/compute.h"
#include "compute/isa.h"

static const struct {
    const char *kernel;
    enum bit_type type;
    double rate[BIT_LEVEL_AMX + 1]; /* by level: generic, avx2, avx512, avx512_bf16, amx */
} rates[] = {
    {"winograd", BIT_FLOAT32, {3.0, 2.7, 2.5, 2.6, 2.5}},
    {"split", BIT_FLOAT32, {1, 1, 1, 1, 1.3}},
    {"widened", BIT_BFLOAT16, {0.96, 0.91, 0.89, 0.87, 1}},
    {"widened-winograd", BIT_BFLOAT16, {2.9, 2.4, 2.2, 2.3, 2.5}},
    {"lowered", BIT_BFLOAT16, {0.93, 0.82, 0.65, 0.65, 0.68}},
    {"onednn", BIT_BFLOAT16, {0.9, 0.8, 0.21, 0.72, 4.3}},
    {"onednn-turned", BIT_BFLOAT16, {0.9, 0.8, 0.21, 0.69, 5.1}},
    {"onednn-product", BIT_BFLOAT16, {0.9, 0.8, 0.23, 0.68, 4.3}},
    {"onednn-phases", BIT_BFLOAT16, {0.9, 0.8, 0.23, 0.73, 3.7}},
    {"amx", BIT_BFLOAT16, {1, 1, 1, 1, 3.6}},
    {"amx-narrow", BIT_BFLOAT16, {1, 1, 1, 1, 2.9}},
};

double bit_kernel_rate(const char *kernel, enum bit_type type)
{
    for (size_t i = 0; kernel && i < sizeof rates / sizeof *rates; i++)
        if (rates[i].type == type && !strcmp(rates[i].kernel, kernel))
            return rates[i].rate[bit_level()];
    return 1;
}
