# Floor 3: one optimiser step. No fused multiply-add behind our back, as in src/comm.
noinst_LIBRARIES += libtrain.a
libtrain_a_SOURCES = src/train/collect.c src/train/harm.c src/train/step.c src/train/trainer.c src/train/trainer.h
libtrain_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off -O3
include tests/train/local.mk
