# Floor 1: who holds up the others.
noinst_LIBRARIES += libwatch.a
libwatch_a_SOURCES = src/watch/condemn.c src/watch/dog.c src/watch/heartbeat.c src/watch/judge.c src/watch/turn.c \
	src/watch/view.c
libwatch_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
WATCH_LIBS = libwatch.a $(BASE_LIBS) $(CJSON_LIBS)
include tests/watch/local.mk
