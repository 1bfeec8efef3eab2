# Floor 2: who holds up the others.
noinst_LIBRARIES += libwatch.a
libwatch_a_SOURCES = src/watch/condemn.c src/watch/watchdog.c src/watch/heartbeat.c src/watch/judge.c src/watch/lease.c \
	src/watch/view.c
WATCH_LIBS = libwatch.a $(RECORD_LIBS)
include tests/watch/local.mk
