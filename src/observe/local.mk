# Floor 1: who looks at a run and changes nothing.
noinst_LIBRARIES += libobserve.a
libobserve_a_SOURCES = src/observe/losses.c src/observe/progress.c src/observe/slow_link.c src/observe/slow_rank.c src/observe/timeline.c
OBSERVE_LIBS = libobserve.a $(BASE_LIBS)
include tests/observe/local.mk
