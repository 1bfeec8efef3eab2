/* Hot kernels are plain C in files that are compiled once an instruction set; one of the copies is chosen at run time.
 *
 * How to add a kernel file src/compute/foo_kernels.c:
 *  1. foo_kernels.h:  struct foo_kernels { void (*scale)(float *x, size_t n, float a); };
 *                     BIT_DECLARE_KERNELS(foo_kernels)
 *  2. foo_kernels.c:  static void scale(float *x, size_t n, float a) { ... }
 *                     const struct foo_kernels BIT_KERNELS(foo_kernels) = {.scale = scale};
 *     Everything but that table is static: the file is linked several times. Headers it includes may hold static inline
 *     functions only, for the same reason.
 *  3. src/compute/local.mk: add it to COMPUTE_KERNELS (not to libcompute_a_SOURCES).
 *  4. Callers, compiled once:  BIT_PICK(foo_kernels)->scale(x, n, a);
 * Bits may differ between instruction sets, never between runs on one: write sums as `#pragma omp simd reduction` or with
 * explicit lanes. BIT_LANES is the number of floats in a vector register. */
#ifndef BIT_COMPUTE_ISA_H
#define BIT_COMPUTE_ISA_H

/* What a processor can do, lowest first; each can do what stands before it. Kernels of our own exist for fewer steps: enum bit_isa. */
enum bit_level { BIT_LEVEL_GENERIC, BIT_LEVEL_AVX2, BIT_LEVEL_AVX512, BIT_LEVEL_AVX512_BF16, BIT_LEVEL_AMX };
enum bit_isa { BIT_ISA_GENERIC, BIT_ISA_AVX2, BIT_ISA_AVX512 };

/* The best of the processor's, the system's and the build's; BIT_ISA in the environment (a level's name) lowers it, and with it
 * oneDNN's and OpenBLAS's. Constant. A BIT_ISA that cannot be had counts as none here: bit_compute_check tells. */
enum bit_level bit_level(void);
/* The copy of our kernels for that level. */
enum bit_isa bit_isa(void);
/* BIT_ISA's value, or NULL where it is unset or empty: then libraries choose for themselves. */
const char *bit_level_wanted(void);

#define BIT_ISA_PASTE_(name, isa) name##_##isa
#define BIT_ISA_PASTE(name, isa) BIT_ISA_PASTE_(name, isa)

/* In a kernel file BIT_ISA is the instruction set it is compiled for. */
#ifdef BIT_ISA
#define BIT_KERNELS(name) BIT_ISA_PASTE(name, BIT_ISA)
#endif

#ifdef __x86_64__
#define BIT_DECLARE_KERNELS(name) \
    extern const struct name name##_generic, name##_avx2, name##_avx512;
#define BIT_PICK(name) \
    (bit_isa() == BIT_ISA_AVX512 ? &name##_avx512 : bit_isa() == BIT_ISA_AVX2 ? &name##_avx2 : &name##_generic)
#else
#define BIT_DECLARE_KERNELS(name) extern const struct name name##_generic;
#define BIT_PICK(name) (&name##_generic)
#endif

#if defined __AVX512F__
#define BIT_LANES 16
#elif defined __AVX__
#define BIT_LANES 8
#else
#define BIT_LANES 4
#endif

#endif
