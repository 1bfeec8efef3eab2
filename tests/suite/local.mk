check_PROGRAMS += tests/suite/test_suite
TESTS += tests/suite/test_suite
tests_suite_test_suite_SOURCES = tests/suite/test_suite.c
tests_suite_test_suite_LDADD = $(SUITE_LIBS) $(TEST_LIBS)
