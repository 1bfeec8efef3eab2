check_PROGRAMS += tests/start/test_start
TESTS += tests/start/test_start
tests_start_test_start_SOURCES = tests/start/test_start.c
tests_start_test_start_LDADD = $(START_LIBS) $(TEST_LIBS)
