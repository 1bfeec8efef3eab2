# What a network does between its convolutions (include/bit/kernels.h).
COMPUTE_KERNELS += src/compute/layer_kernels.c src/compute/map_kernels.c
libcompute_a_SOURCES += src/compute/map.c src/compute/norm.c src/compute/pool.c
nobase_noinst_HEADERS += src/compute/layer_kernels.h src/compute/layer_body.h src/compute/map_kernels.h src/compute/map_body.h include/bit/kernels.h
# Pairs of hashes that differ in few bits (include/bit/hamming.h).
COMPUTE_KERNELS += src/compute/hamming_kernels.c
libcompute_a_SOURCES += src/compute/hamming.c
nobase_noinst_HEADERS += src/compute/hamming_kernels.h include/bit/hamming.h
