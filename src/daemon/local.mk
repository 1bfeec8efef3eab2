# Floor 4: bitd, the daemon. Its parts are a library so that tests link them.
if DAEMON
noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = src/daemon/api.c src/daemon/api_daemon.c src/daemon/api_files.c src/daemon/api_jobs.c src/daemon/api_wishes.c src/daemon/attempt.c src/daemon/config.c src/daemon/curves.c src/daemon/engine.c src/daemon/folder.c src/daemon/hosts.c \
	src/daemon/http.c src/daemon/json.c src/daemon/names.c src/daemon/next.c src/daemon/notify.c src/daemon/order.c src/daemon/place.c src/daemon/prometheus.c src/daemon/queue.c \
	src/daemon/schedule.c src/daemon/store.c src/daemon/store_rows.c src/daemon/stream.c src/daemon/submit.c src/daemon/thumbnail.c
libdaemon_a_SOURCES += src/daemon/sweep.c src/daemon/sweep_api.c src/daemon/sweep_table.c
libdaemon_a_SOURCES += src/daemon/linger.c src/daemon/notes.c src/daemon/queued.c src/daemon/rebuild.c src/daemon/retention.c src/daemon/slurm.c src/daemon/slurm_record.c src/daemon/slurm_text.c src/daemon/task.c
libdaemon_a_SOURCES += src/daemon/slurm_command.c src/daemon/slurm_submit.c
libdaemon_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(SQLITE_CFLAGS) $(MICROHTTPD_CFLAGS)
DAEMON_LIBS = libdaemon.a librecord.a $(JOB_LIBS) $(BASE_LIBS) $(SQLITE_LIBS) $(MICROHTTPD_LIBS)
bin_PROGRAMS += bitd
bitd_SOURCES = src/daemon/main.c
bitd_LDADD = $(DAEMON_LIBS)

# The commands of bit that ask it
bit_SOURCES += src/cli/client.c src/cli/queue.c src/cli/states.c src/cli/submit.c src/daemon/names.c src/daemon/place.c
bit_SOURCES += src/cli/page.c src/cli/sweep.c
bit_CPPFLAGS += $(CURL_CFLAGS)
bit_LDADD += $(CURL_LIBS)

# It needs nothing but the C library: it stays small, and no library can end it.
bin_PROGRAMS += bit-keeper
bit_keeper_SOURCES = src/daemon/keeper.c src/daemon/keeper_family.c src/daemon/keeper_files.c
bit_keeper_CFLAGS = $(BIT_CFLAGS)
bit_keeper_LDFLAGS = $(BIT_LDFLAGS)
dist_man_MANS += man/bit-keeper.8 man/bitd.8 man/bitd.conf.5
endif
nobase_noinst_HEADERS += src/daemon/keeper.h src/daemon/linger.h src/daemon/points.h src/daemon/queued.h src/daemon/rebuild.h src/daemon/slurm.h src/daemon/task.h
nobase_noinst_HEADERS += src/cli/client.h src/daemon/api.h src/daemon/daemon.h src/daemon/engine.h src/daemon/http.h src/daemon/next.h src/daemon/place.h src/daemon/schedule.h src/daemon/store.h src/daemon/store_sql.h
nobase_noinst_HEADERS += src/daemon/sweep.h src/daemon/sweep_table.h
EXTRA_DIST += src/daemon/README.md
include src/daemon/page/local.mk
include tests/daemon/local.mk
