noinst_LIBRARIES += libevaluate.a
libevaluate_a_SOURCES = src/evaluate/evaluate.c src/evaluate/score.c
nobase_noinst_HEADERS += src/evaluate/score.h
include tests/evaluate/local.mk
