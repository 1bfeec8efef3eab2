# Floor 4: bitd, the daemon. Its parts are a library so that tests link them.
noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = src/daemon/names.c src/daemon/next.c src/daemon/schedule.c
nobase_noinst_HEADERS += src/daemon/next.h src/daemon/schedule.h
EXTRA_DIST += src/daemon/README.md
DAEMON_LIBS = libdaemon.a librecord.a $(JOB_LIBS) $(BASE_LIBS)
include tests/daemon/local.mk
