#include "compute/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bit/compute.h"

static const char *const names[] = {"generic", "avx2", "avx512"};

static enum bit_isa processor_isa(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        return BIT_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return BIT_ISA_AVX2;
#endif
    return BIT_ISA_GENERIC;
}

enum bit_isa bit_isa(void)
{
    static atomic_int known = -1;
    int isa = atomic_load_explicit(&known, memory_order_relaxed);
    if (isa >= 0)
        return (enum bit_isa)isa;
    isa = (int)processor_isa();
    const char *wanted = getenv("BIT_ISA");
    for (int i = 0; wanted && i < isa; i++)
        if (!strcmp(wanted, names[i]))
            isa = i;
    atomic_store_explicit(&known, isa, memory_order_relaxed);
    return (enum bit_isa)isa;
}

const char *bit_compute_isa(void)
{
    return names[bit_isa()];
}
