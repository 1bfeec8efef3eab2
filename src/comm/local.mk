# Floor 1: MPI. No fused multiply-add behind our back: sums have the same bits with every compiler and processor.
noinst_LIBRARIES += libcomm.a
libcomm_a_SOURCES = src/comm/internal.h src/comm/exchange.c src/comm/launcher.c src/comm/launcher.h src/comm/reducer.c src/comm/world.c
libcomm_a_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CFLAGS)
libcomm_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off -O3
COMM_LIBS = libcomm.a $(MPI_LIBS)
include tests/comm/local.mk
