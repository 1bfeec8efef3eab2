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

enum bit_isa { BIT_ISA_GENERIC, BIT_ISA_AVX2, BIT_ISA_AVX512 };

/* The best of the processor's and the build's; BIT_ISA=generic|avx2|avx512 in the environment lowers it. Constant. */
enum bit_isa bit_isa(void);

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
