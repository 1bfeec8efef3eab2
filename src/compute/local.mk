# Compiled once an instruction set: see isa.h. Everything else of the room goes into libcompute.a.
COMPUTE_KERNELS =
COMPUTE_KERNELS += src/compute/row_kernels.c src/compute/row_kernels.h
COMPUTE_KERNELS += src/compute/pairs_kernels.c src/compute/pairs_kernels.h
COMPUTE_KERNELS += src/compute/product_kernels.c src/compute/product_kernels.h
COMPUTE_KERNELS += src/compute/winograd_kernels.c src/compute/winograd_kernels.h

noinst_LIBRARIES += libcompute.a
libcompute_a_SOURCES =
libcompute_a_SOURCES += src/compute/backend.c src/compute/backend.h src/compute/convolution.c src/compute/gather.c \
	src/compute/gather.h src/compute/isa.c src/compute/kernel_map.c src/compute/isa.h src/compute/lowered.c src/compute/openblas.c \
	src/compute/openblas.h src/compute/openblas_core.c src/compute/pairs.c src/compute/pairs.h src/compute/pixels.c src/compute/pixels.h src/compute/reference.c src/compute/start.c src/compute/start.h src/compute/tiled.c \
	src/compute/tiled.h src/compute/tiled_weights.c src/compute/walk.c
if ONEDNN
libcompute_a_SOURCES += src/compute/onednn.c src/compute/onednn.h src/compute/onednn_convolution.c \
	src/compute/onednn_phases.c src/compute/onednn_product.c src/compute/onednn_shim.c
endif
libcompute_a_SOURCES += src/compute/amx.c src/compute/amx.h src/compute/amx_kernels.c src/compute/amx_kernels.h \
	src/compute/amx_narrow.c src/compute/transpose16.h \
	src/compute/split.c src/compute/split.h src/compute/split_kernels.c src/compute/split_kernels.h src/compute/split_weights.c \
	src/compute/winograd.c src/compute/winograd.h
libcompute_a_SOURCES += src/compute/widened.c src/compute/widened.h
libcompute_a_CPPFLAGS = $(AM_CPPFLAGS) $(OPENBLAS_CFLAGS)

noinst_LIBRARIES += libcompute_generic.a
libcompute_generic_a_SOURCES = $(COMPUTE_KERNELS)
libcompute_generic_a_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_ISA=generic
libcompute_generic_a_CFLAGS = $(AM_CFLAGS) $(KERNEL_CFLAGS)
COMPUTE_KERNEL_LIBS = libcompute_generic.a
if X86_64
noinst_LIBRARIES += libcompute_avx2.a libcompute_avx512.a
libcompute_avx2_a_SOURCES = $(COMPUTE_KERNELS)
libcompute_avx2_a_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_ISA=avx2
libcompute_avx2_a_CFLAGS = $(AM_CFLAGS) $(KERNEL_CFLAGS) -mavx2 -mfma -mf16c -mbmi2
libcompute_avx512_a_SOURCES = $(COMPUTE_KERNELS)
libcompute_avx512_a_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_ISA=avx512
libcompute_avx512_a_CFLAGS = $(AM_CFLAGS) $(KERNEL_CFLAGS) -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512vl \
	-mavx512dq -mprefer-vector-width=512
COMPUTE_KERNEL_LIBS += libcompute_avx2.a libcompute_avx512.a
endif
# What a program that uses this room links, before $(BASE_LIBS).
COMPUTE_LIBS = libcompute.a $(COMPUTE_KERNEL_LIBS) $(OPENBLAS_LIBS) $(ONEDNN_LIBS)

include src/compute/kernels.mk
include tests/compute/local.mk
EXTRA_DIST += src/compute/README.md
