# Floor 1: what a run leaves, and what it means.
noinst_LIBRARIES += librecord.a
librecord_a_SOURCES = src/record/end.c src/record/lock.c src/record/metrics_line.c src/record/metrics_log.c src/record/outcome.c \
	src/record/evaluation.c src/record/predictions.c src/record/rows.c
librecord_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/record/rows.h
RECORD_LIBS = librecord.a $(BASE_LIBS)
include tests/record/local.mk
