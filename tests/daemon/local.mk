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
# Measurements of bitd
check_PROGRAMS += tests/daemon/history
tests_daemon_history_SOURCES = tests/daemon/history.c
tests_daemon_history_LDADD = $(DAEMON_LIBS)
tests_daemon_simulate_SOURCES = tests/daemon/simulate.c
tests_daemon_simulate_LDADD = $(DAEMON_LIBS)
# A million events, of SIMULATION="--events N --seed S" another number or another world.
SIMULATION = --events 1000000
check-simulation: tests/daemon/simulate$(EXEEXT)
	tests/daemon/simulate $(SIMULATION)
endif
.PHONY: check-simulation
EXTRA_DIST += tests/daemon/exposition.awk
