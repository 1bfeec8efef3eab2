noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = src/base/available.c src/base/cgroup.c src/base/cgroup.h src/base/clock.c src/base/cores.c src/base/decompositions.h src/base/error.c src/base/file.c src/base/group.c src/base/hash.c src/base/host.c src/base/json.c src/base/limits.c src/base/look.c src/base/log.c \
	src/base/memory.c src/base/metric.c src/base/options.c src/base/phase.c src/base/random.c src/base/share.c src/base/statistics.c src/base/table.c src/base/text.c src/base/trace.c src/base/tree.c src/base/wait.c
libbase_a_SOURCES += src/base/json_stream.c
nobase_noinst_HEADERS += include/bit/json_stream.h
if SANITIZERS
libbase_a_SOURCES += src/base/unload.c
endif
libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(XXHASH_CFLAGS) $(CJSON_CFLAGS)
BASE_LIBS = libbase.a $(XXHASH_LIBS) $(CJSON_LIBS)
include tests/base/local.mk
