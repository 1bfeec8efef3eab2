/* The oneDNN backend: engine, calls, and which operation takes which shape. */
#include "compute/onednn.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>

#include "bit/limits.h"
#include "compute/amx.h"
#include "compute/isa.h"
#include "compute/split.h"
#include "compute/tiled.h"
#include "compute/widened.h"
#include "compute/winograd.h"

enum { KERNEL_BYTES = 48 << 20 }; /* address space that it writes its kernels to; it crashes where it cannot have it */

static dnnl_engine_t engine;
static dnnl_stream_t stream;

/* BIT_ISA, which lowers our kernels, lowers oneDNN's, too; without it ONEDNN_MAX_CPU_ISA is the user's. Must come before oneDNN's first
 * primitive. On AArch64 oneDNN has no such limit. */
static void limit(void)
{
#ifdef __x86_64__
    static const dnnl_cpu_isa_t most[] = {
        [BIT_LEVEL_GENERIC] = dnnl_cpu_isa_sse41, [BIT_LEVEL_AVX2] = dnnl_cpu_isa_avx2,
        [BIT_LEVEL_AVX512] = dnnl_cpu_isa_avx512_core, [BIT_LEVEL_AVX512_BF16] = dnnl_cpu_isa_avx512_core_bf16,
        [BIT_LEVEL_AMX] = dnnl_cpu_isa_avx512_core_amx,
    };
    if (bit_level_wanted())
        dnnl_set_max_cpu_isa(most[bit_level()]);
#endif
}

static void start(void)
{
    limit();
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) || dnnl_stream_create(&stream, engine, dnnl_stream_default_flags))
        engine = NULL;
}

int bit_dnnl_start(struct bit_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!engine && bit_limits_room(KERNEL_BYTES, "the kernels of oneDNN", error))
        return -1;
    pthread_once(&once, start);
    return engine ? 0 : bit_fail(error, BIT_EENVIRONMENT, "oneDNN finds no CPU engine; use --backend openblas");
}

dnnl_engine_t bit_dnnl_engine(void)
{
    return engine;
}

dnnl_status_t bit_dnnl_call_create(struct bit_dnnl_call *call, dnnl_primitive_desc_t descriptor, int count,
                                   const int *arguments, const bit_dnnl_view *shapes)
{
    bit_dnnl_view scratchpad = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    dnnl_status_t status = dnnl_primitive_create(&call->primitive, descriptor);
    call->scratchpad_bytes = scratchpad ? dnnl_memory_desc_get_size(scratchpad) : 0;
    for (int i = 0; i < count + (call->scratchpad_bytes > 0) && !status; i++) {
        call->arguments[i].arg = i < count ? arguments[i] : DNNL_ARG_SCRATCHPAD;
        status = dnnl_memory_create(&call->arguments[i].memory, i < count ? shapes[i] : scratchpad, engine, DNNL_MEMORY_NONE);
        call->count += !status;
    }
    dnnl_primitive_desc_destroy(descriptor);
    if (status)
        bit_dnnl_call_free(call);
    return status;
}

int bit_dnnl_call_run(const struct bit_dnnl_call *call, void *const *handles, void *scratchpad, struct bit_error *error)
{
    /* The number of threads belongs to the calling thread in OpenMP, and to the primitive in oneDNN. */
    if (omp_get_max_threads() != bit_compute_thread_count())
        omp_set_num_threads(bit_compute_thread_count());
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < call->count && !status; i++) {
        bool last = call->scratchpad_bytes > 0 && i == call->count - 1;
        status = dnnl_memory_set_data_handle(call->arguments[i].memory, last ? scratchpad : handles[i]);
    }
    if (!status)
        status = dnnl_primitive_execute(call->primitive, stream, call->count, call->arguments);
    if (!status)
        status = dnnl_stream_wait(stream);
    return status ? bit_fail(error, BIT_EINTERNAL, "oneDNN failed to run a primitive (status %d)", (int)status) : 0;
}

void bit_dnnl_call_free(struct bit_dnnl_call *call)
{
    for (int i = 0; i < call->count; i++)
        dnnl_memory_destroy(call->arguments[i].memory);
    if (call->primitive)
        dnnl_primitive_destroy(call->primitive);
    *call = (struct bit_dnnl_call){0};
}

dnnl_status_t bit_dnnl_reorder(struct bit_dnnl_call *call, bit_dnnl_view from, bit_dnnl_view to)
{
    dnnl_primitive_desc_t descriptor;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&descriptor, from, engine, to, engine, NULL);
    if (status)
        return status;
    return bit_dnnl_call_create(call, descriptor, 2, (const int[]){DNNL_ARG_FROM, DNNL_ARG_TO},
                                (const bit_dnnl_view[]){from, to});
}

int bit_dnnl_refused(dnnl_status_t status, struct bit_error *error)
{
    if (status == dnnl_unimplemented || status == dnnl_invalid_arguments)
        return 0;
    return bit_fail(error, status == dnnl_out_of_memory ? BIT_EENVIRONMENT : BIT_EINTERNAL,
                    "oneDNN cannot create a convolution (status %d)", (int)status);
}

/* ---- which way a shape goes ---- */

static int dnnl_turned(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                       struct bit_operation **operation, struct bit_error *error)
{
    (void)direction;
    return bit_dnnl_turned_create(geometry, type, operation, error);
}

static int dnnl_product(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                        struct bit_operation **operation, struct bit_error *error)
{
    (void)direction;
    return bit_dnnl_product_create(geometry, type, operation, error);
}

static int dnnl_phases(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                       struct bit_operation **operation, struct bit_error *error)
{
    (void)direction;
    return bit_dnnl_phases_create(geometry, type, operation, error);
}

static int widened(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                   struct bit_operation **operation, struct bit_error *error)
{
    return bit_widened_create(&bit_backend_onednn, geometry, type, direction, operation, error);
}

/* Without tile units: where oneDNN's float32 kernels, which fill registers with neighbouring pixels of one image, fall behind our own, which
 * take them from any image. Few pixels: 2x2 and 4x4 ones run at a third of the speed. Strided 3x3 kernels: backward. */
static bool suits_tiled(const struct bit_geometry *g, enum bit_type type, enum bit_direction direction)
{
    const bool few = bit_geometry_out_height(g) * bit_geometry_out_width(g) <= 16;
    if (type != BIT_FLOAT32 || bit_level() >= BIT_LEVEL_AMX)
        return false;
    if (g->kernel == 1) /* its weight gradient is one product, which oneDNN does well at any size */
        return few && direction != BIT_BACKWARD_WEIGHTS;
    return g->kernel == 3 && (few || (g->stride > 1 && (direction != BIT_FORWARD || bit_isa() != BIT_ISA_AVX512)));
}

/* Our own ways first, where they are faster. 1x1 kernels are matrix products, and oneDNN's forward and product kernels beat its
 * backward ones there, by up to six in bfloat16. */
static int create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                  struct bit_operation **operation, struct bit_error *error)
{
    static const struct bit_way winograd = {"winograd", bit_winograd_create}, split = {"split", bit_split_create},
                                wide_floats = {"widened", widened}, amx = {"amx", bit_amx_create}, narrow = {"amx-narrow", bit_amx_narrow_create},
                                turned = {"onednn-turned", dnnl_turned}, product = {"onednn-product", dnnl_product},
                                phases = {"onednn-phases", dnnl_phases}, tiled = {"tiled", bit_tiled_create},
                                direct = {"onednn", bit_dnnl_direct_create};
    const bool point = geometry->kernel == 1 && geometry->padding == 0;
    /* Of the weight gradients on tiles, oneDNN's is the faster one for wide 3x3 kernels only. */
    const bool wide = geometry->kernel == 3 && geometry->stride == 1 && geometry->width > 20;
    const bool spread = type == BIT_BFLOAT16 && geometry->stride > 1 && direction == BIT_BACKWARD_DATA;
    const struct bit_way *ways[] = {
        &wide_floats, &winograd, &split, suits_tiled(geometry, type, direction) ? &tiled : NULL, wide ? NULL : &amx, &narrow,
        point && direction == BIT_BACKWARD_DATA ? &turned : point && direction == BIT_BACKWARD_WEIGHTS ? &product : NULL,
        spread && !point ? &phases : NULL,
        point && direction != BIT_FORWARD ? NULL : &direct,
    };
    if (bit_dnnl_start(error))
        return -1;
    if (omp_get_max_threads() != bit_compute_thread_count())
        omp_set_num_threads(bit_compute_thread_count());
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !*operation; i++)
        if (ways[i] && bit_way_try(ways[i], geometry, type, direction, operation, error))
            return -1;
    return 0;
}

const struct bit_backend bit_backend_onednn = {
    .name = "onednn", .below = &bit_backend_openblas, .create = create,
};
