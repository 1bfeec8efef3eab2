/* Convolutions and matrix products behind one operation table. Three backends: "reference" (plain C loops, sums in
 * double: the definition of truth), "openblas" (im2col + sgemm; builds everywhere) and "onednn" (where configure found
 * it). A backend overrides what it does better and delegates the rest to the one below.
 *
 * Activations are NHWC, of float32 or bfloat16 (enum bit_type); kernels are float32 HWIO. All sums are at least float32.
 * Same shapes, same thread count: same bits. Nothing here allocates after creation: scratch memory is the caller's. */
#ifndef BIT_COMPUTE_H
#define BIT_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/error.h"

enum bit_type { BIT_FLOAT32, BIT_BFLOAT16 };
static inline size_t bit_type_size(enum bit_type type) { return type == BIT_FLOAT32 ? 4 : 2; }

struct bit_backend; /* immutable, static */
/* "reference", "openblas", "onednn" or "auto" (the best built in). NULL with `error` (usage) naming those built in. */
const struct bit_backend *bit_backend_find(const char *name, struct bit_error *error);
const char *bit_backend_name(const struct bit_backend *backend);
/* The i-th backend built in, best first; NULL past the end. */
const struct bit_backend *bit_backend_at(size_t i);

/* First thing in a main, before threads and MPI. Libraries read some variables once, when they are loaded; this restarts the program
 * (execve of itself) with those that are missing: OPENBLAS_NUM_THREADS=1, since the threads are ours; how long an idle OpenMP thread spins
 * (a user's OMP_WAIT_POLICY, GOMP_SPINCOUNT or KMP_BLOCKTIME stands); and OPENBLAS_CORETYPE where OpenBLAS, whose table of processors ends
 * with its release, took the slowest kernels, or where BIT_ISA asks for others. A program that calls this is restarted for the first two before any library's constructor
 * runs. Does nothing under valgrind. */
void bit_compute_start(char **argv);
/* Second thing in a main. -1 with `error` when BIT_ISA in the environment names no instruction set (usage) or one that this machine lacks
 * (environment). Local. */
int bit_compute_check(struct bit_error *error);

/* Threads used by every operation from now on (OpenMP; BLAS is kept to one thread a call or this number). */
void bit_compute_threads(int threads);
int bit_compute_thread_count(void);
/* Starts them, once their number is settled. -1 with `error` (environment) when they cannot be had, which OpenMP itself would end the program
 * for. Local. */
int bit_compute_threads_start(struct bit_error *error);
/* Instruction set the kernels run on: "generic" (AArch64: "neon"), "avx2", "avx512", "avx512_bf16" or "amx", the best of the
 * machine's or, below that, what BIT_ISA in the environment names. Ranks must agree on it for equal bits. */
const char *bit_compute_isa(void);
/* All that the bits hang on besides shapes, backend and threads: "amx, OpenBLAS SkylakeX". Ranks must agree on it. */
void bit_compute_describe(char *buffer, size_t size);

/* One convolution at one shape. Symmetric zero padding; output height = (height + 2 padding - kernel) / stride + 1. */
struct bit_geometry {
    int images, height, width, channels; /* input [images, height, width, channels] */
    int outputs, kernel, stride, padding; /* kernel [kernel, kernel, channels, outputs] */
};
static inline int bit_geometry_out_height(const struct bit_geometry *g)
{
    return (g->height + 2 * g->padding - g->kernel) / g->stride + 1;
}
static inline int bit_geometry_out_width(const struct bit_geometry *g)
{
    return (g->width + 2 * g->padding - g->kernel) / g->stride + 1;
}

struct bit_convolution;
enum bit_direction { BIT_FORWARD, BIT_BACKWARD_DATA, BIT_BACKWARD_WEIGHTS /* has no packed kernel */ };

/* Create once a shape. `need_data_gradient` false (the root convolution) saves that primitive. */
struct bit_convolution *bit_convolution_create(const struct bit_backend *backend, const struct bit_geometry *geometry,
                                               enum bit_type type, bool need_data_gradient, struct bit_error *error);
void bit_convolution_destroy(struct bit_convolution *c);

/* The kernel that serves a direction, as the map in src/compute/README.md names it; NULL where the convolution has none. */
const char *bit_convolution_kernel(const struct bit_convolution *c, enum bit_direction direction);
/* Multiply-adds a second of such a kernel on the instruction set in use, relative to float32's plain tiles there. From measurements
 * (src/compute/kernel_map.c says how); for a choice between precisions, not for predictions. 1 for kernels it does not know. */
double bit_kernel_rate(const char *kernel, enum bit_type type);

/* Bytes of the packed kernel for a direction, and of scratch memory for any operation. Both 64-byte aligned by the
 * caller; scratch contents are dead between calls. */
size_t bit_convolution_packed_bytes(const struct bit_convolution *c, enum bit_direction direction);
size_t bit_convolution_scratch_bytes(const struct bit_convolution *c);

/* Casts and reorders a float32 HWIO kernel (already standardised) for one direction: once a step, not once a batch. */
int bit_convolution_pack(struct bit_convolution *c, enum bit_direction direction, const float *kernel, void *packed,
                         struct bit_error *error);

/* Whether what was packed for a serves b as well: convolutions of one kernel over images of different sizes, done in the same way. */
bool bit_convolution_packs_alike(const struct bit_convolution *a, const struct bit_convolution *b, enum bit_direction direction);

/* The same for scale[o] w + offset[o], o: the kernel's output ([outputs] each, or both NULL: w itself), which saves a pass
 * over the standardised kernel. Only where bit_convolution_scales says that packing can do it. */
bool bit_convolution_scales(const struct bit_convolution *c, enum bit_direction direction);
void bit_convolution_pack_scaled(struct bit_convolution *c, enum bit_direction direction, const float *kernel,
                                 const float *scale, const float *offset, void *packed);

/* destination = convolution(source) (+ destination when accumulate). */
int bit_convolution_forward(struct bit_convolution *c, const void *source, const void *packed, bool accumulate,
                            void *destination, void *scratch, struct bit_error *error);
/* d_source = gradient with respect to the source (+ d_source when accumulate). */
int bit_convolution_backward_data(struct bit_convolution *c, const void *d_destination, const void *packed,
                                  bool accumulate, void *d_source, void *scratch, struct bit_error *error);
/* d_kernel [kernel, kernel, channels, outputs] float32 = gradient with respect to the kernel; overwritten. */
int bit_convolution_backward_weights(struct bit_convolution *c, const void *source, const void *d_destination,
                                     float *d_kernel, void *scratch, struct bit_error *error);

/* C[m,n] = op(A) op(B) + beta C; row-major, dense; float32. op(A) is [m,k], op(B) is [k,n]. */
void bit_matrix_multiply(const struct bit_backend *backend, bool transpose_a, bool transpose_b, int m, int n, int k,
                         const float *a, const float *b, float beta, float *c);

#endif
