# Floor 2: gradient tree, guard, SGD of one rank. No fused multiply-add behind our back, as in src/comm.
noinst_LIBRARIES += liboptimise.a
liboptimise_a_SOURCES = src/optimise/gradient.c src/optimise/guard.c src/optimise/guard.h src/optimise/sgd.c src/optimise/squares.c
liboptimise_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off -O3
OPTIMISE_LIBS = liboptimise.a $(BASE_LIBS)
include tests/optimise/local.mk
