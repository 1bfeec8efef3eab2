noinst_LIBRARIES += libsuite.a
libsuite_a_SOURCES = src/suite/read.c
libsuite_a_SOURCES += src/suite/results.c
libsuite_a_SOURCES += src/suite/few.c src/suite/few.h
libsuite_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += include/bit/suite.h
SUITE_LIBS = libsuite.a librecord.a $(JOB_LIBS) $(BASE_LIBS)
include tests/suite/local.mk
