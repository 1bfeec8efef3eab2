check_PROGRAMS += tests/observe/test_slow_link
TESTS += tests/observe/test_slow_link
tests_observe_test_slow_link_SOURCES = tests/observe/test_slow_link.c
tests_observe_test_slow_link_LDADD = $(OBSERVE_LIBS) $(TEST_LIBS)
