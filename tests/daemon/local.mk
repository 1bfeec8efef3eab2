EXTRA_DIST += tests/120-daemon-simulation.sh
if DAEMON
DAEMON_TESTS = tests/daemon/test_next tests/daemon/test_schedule tests/daemon/test_store tests/daemon/test_slurm tests/daemon/test_linger
check_PROGRAMS += $(DAEMON_TESTS) tests/daemon/pressure tests/daemon/simulate
TESTS += $(DAEMON_TESTS) tests/120-daemon-simulation.sh
tests_daemon_test_next_SOURCES = tests/daemon/test_next.c
tests_daemon_test_next_LDADD = $(DAEMON_LIBS) $(TEST_LIBS)
tests_daemon_test_schedule_SOURCES = tests/daemon/test_schedule.c
tests_daemon_test_schedule_LDADD = $(DAEMON_LIBS) $(TEST_LIBS)
tests_daemon_test_linger_SOURCES = tests/daemon/test_linger.c
tests_daemon_test_linger_LDADD = $(DAEMON_LIBS) $(TEST_LIBS)
tests_daemon_test_slurm_SOURCES = tests/daemon/test_slurm.c
tests_daemon_test_slurm_LDADD = $(DAEMON_LIBS) $(TEST_LIBS)
tests_daemon_test_store_SOURCES = tests/daemon/test_store.c
tests_daemon_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_daemon_test_store_LDADD = $(DAEMON_LIBS) $(TEST_LIBS)
tests_daemon_pressure_SOURCES = tests/daemon/pressure.c
tests_daemon_pressure_LDADD = $(BASE_LIBS)
# Builds that can be killed at named points (src/daemon/points.h)
check_PROGRAMS += tests/daemon/bitd_points tests/daemon/keeper_points
tests_daemon_bitd_points_SOURCES = $(bitd_SOURCES) $(libdaemon_a_SOURCES) src/daemon/points.c
tests_daemon_bitd_points_CPPFLAGS = $(libdaemon_a_CPPFLAGS) -DBIT_TEST_POINTS
tests_daemon_bitd_points_LDADD = $(DAEMON_LIBS)
tests_daemon_keeper_points_SOURCES = $(bit_keeper_SOURCES) src/daemon/points.c
tests_daemon_keeper_points_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_TEST_POINTS
tests_daemon_keeper_points_CFLAGS = $(BIT_CFLAGS)
tests_daemon_keeper_points_LDFLAGS = $(BIT_LDFLAGS)
tests_daemon_keeper_points_LDADD =
# What the world does to it: the clock is set, a process number comes back
check_PROGRAMS += tests/daemon/clock.so tests/daemon/reuse
tests_daemon_clock_so_SOURCES = tests/daemon/clock.c
tests_daemon_clock_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_daemon_clock_so_LDFLAGS = -shared
tests_daemon_clock_so_LDADD = -ldl
tests_daemon_reuse_SOURCES = tests/daemon/reuse.c
# Stores of former bitds
check_PROGRAMS += tests/daemon/old_store
tests_daemon_old_store_SOURCES = tests/daemon/old_store.c
tests_daemon_old_store_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_daemon_old_store_LDADD = $(DAEMON_LIBS)
EXTRA_DIST += tests/daemon/schema-1.sql
# Measurements of bitd
check_PROGRAMS += tests/daemon/history
tests_daemon_history_SOURCES = tests/daemon/history.c
tests_daemon_history_LDADD = $(DAEMON_LIBS)
tests_daemon_simulate_SOURCES = tests/daemon/simulate.c tests/daemon/simulate_slurm.c tests/daemon/simulate.h
tests_daemon_simulate_LDADD = $(DAEMON_LIBS)
# A million events, of SIMULATION="--events N --seed S" another number or another world.
SIMULATION = --events 1000000
check-simulation: tests/daemon/simulate$(EXEEXT)
	tests/daemon/simulate $(SIMULATION)
# The kill campaign, until N kills have happened; it goes on where it was interrupted. FAULTS='--seed 2 --folder F' for another.
N = 500
check-daemon-faults: all $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) "$(srcdir)/tests/daemon-faults/campaign" --trials $(N) $(FAULTS)
TESTS += tests/946-bitd-faults.sh tests/947-bitd-priority.sh
TESTS += tests/949-bitd-slurm-words.sh
# A table of what submissions, lists, restarts and ends take.
bench-daemon: all $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) "$(srcdir)/tests/daemon/figures"
endif
EXTRA_DIST += tests/946-bitd-faults.sh tests/947-bitd-priority.sh tests/daemon-faults/campaign tests/daemon/exposition.awk tests/daemon/figures
EXTRA_DIST += tests/949-bitd-slurm-words.sh
.PHONY: bench-daemon check-daemon-faults check-simulation
