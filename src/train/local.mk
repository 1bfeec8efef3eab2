# Floor 3: one optimiser step. No fused multiply-add behind our back, as in src/comm.
noinst_LIBRARIES += libtrain.a
libtrain_a_SOURCES = src/train/collect.c src/train/gradient.c src/train/guard.c src/train/guard.h src/train/harm.c src/train/squares.h \
	src/train/squares.c src/train/sgd.c src/train/step.c src/train/trainer.c src/train/trainer.h
libtrain_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off -O3
include tests/train/local.mk
