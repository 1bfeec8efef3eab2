#include "compute/isa.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "bit/compute.h"
#include "compute/amx_kernels.h"

/* By enum bit_level. AArch64 has one level: plain C, of which the compiler makes NEON, which all of them have. */
#ifdef __aarch64__
static const char *const names[] = {"neon"};
#elif defined __x86_64__
static const char *const names[] = {"generic", "avx2", "avx512", "avx512_bf16", "amx"};
#else
static const char *const names[] = {"generic"};
#endif
enum { LEVELS = sizeof names / sizeof *names };

#ifdef __x86_64__
static bool has_avx512_bf16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 5 & 1;
}
#endif

/* The best of the processor's, the system's and the build's. */
static enum bit_level machine_level(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        return !has_avx512_bf16() ? BIT_LEVEL_AVX512 : amx_permitted() ? BIT_LEVEL_AMX : BIT_LEVEL_AVX512_BF16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return BIT_LEVEL_AVX2;
#endif
    return BIT_LEVEL_GENERIC;
}

const char *bit_level_wanted(void)
{
    const char *wanted = getenv("BIT_ISA");
    return wanted && *wanted ? wanted : NULL;
}

/* The level of that name, or LEVELS. "generic" is the lowest one everywhere. */
static int level_find(const char *name)
{
    int level = 0;
    while (level < LEVELS && strcmp(name, names[level]))
        level++;
    return !strcmp(name, "generic") ? BIT_LEVEL_GENERIC : level;
}

enum bit_level bit_level(void)
{
    static atomic_int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level >= 0)
        return (enum bit_level)level;
    level = (int)machine_level();
    if (bit_level_wanted() && level_find(bit_level_wanted()) < level)
        level = level_find(bit_level_wanted());
    atomic_store_explicit(&known, level, memory_order_relaxed);
    return (enum bit_level)level;
}

enum bit_isa bit_isa(void)
{
    enum bit_level level = bit_level();
    return level >= BIT_LEVEL_AVX512 ? BIT_ISA_AVX512 : level == BIT_LEVEL_AVX2 ? BIT_ISA_AVX2 : BIT_ISA_GENERIC;
}

int bit_compute_check(struct bit_error *error)
{
    const char *wanted = bit_level_wanted();
    char list[128] = "";
    if (!wanted || level_find(wanted) <= (int)bit_level())
        return 0;
    for (int i = 0; i < LEVELS; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", names[i]);
    if (level_find(wanted) == LEVELS)
        return bit_fail(error, BIT_EUSAGE, "BIT_ISA=%s in the environment is no instruction set; there are %s. Unset it for the best "
                        "of this machine's", wanted, list);
    return bit_fail(error, BIT_EENVIRONMENT, "BIT_ISA=%s in the environment: this machine has no more than %s. Unset it, or ask for "
                    "that or a lower one of %s", wanted, names[bit_level()], list);
}

const char *bit_compute_isa(void)
{
    return names[bit_level()];
}
