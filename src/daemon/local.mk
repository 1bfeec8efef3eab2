# Floor 4: bitd, the daemon. Its parts are a library so that tests link them.
if DAEMON
noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = src/daemon/names.c src/daemon/next.c src/daemon/schedule.c src/daemon/store.c src/daemon/store_rows.c
libdaemon_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(SQLITE_CFLAGS) $(MICROHTTPD_CFLAGS)
DAEMON_LIBS = libdaemon.a librecord.a $(JOB_LIBS) $(BASE_LIBS) $(SQLITE_LIBS) $(MICROHTTPD_LIBS)

# It needs nothing but the C library: it stays small, and no library can end it.
bin_PROGRAMS += bit-keeper
bit_keeper_SOURCES = src/daemon/keeper.c src/daemon/keeper_family.c src/daemon/keeper_files.c
bit_keeper_CFLAGS = $(BIT_CFLAGS)
bit_keeper_LDFLAGS = $(BIT_LDFLAGS)
dist_man_MANS += man/bit-keeper.8
endif
nobase_noinst_HEADERS += src/daemon/keeper.h
nobase_noinst_HEADERS += src/daemon/next.h src/daemon/schedule.h src/daemon/store.h src/daemon/store_sql.h
EXTRA_DIST += src/daemon/README.md
include src/daemon/page/local.mk
include tests/daemon/local.mk
