noinst_LIBRARIES += libjob.a
libjob_a_SOURCES = src/job/check.c src/job/help.c src/job/key.c src/job/keys.c src/job/problem.c src/job/read.c \
	src/job/scan.c src/job/schedule.c src/job/value.c src/job/write.c
libjob_a_SOURCES += src/job/sweep.c src/job/sweep_parse.c src/job/sweep_text.c
libjob_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/job/keys.h src/job/read.h src/job/scan.h
nobase_noinst_HEADERS += include/bit/sweep.h src/job/sweep.h
JOB_LIBS = libjob.a $(CJSON_LIBS)
include tests/job/local.mk
