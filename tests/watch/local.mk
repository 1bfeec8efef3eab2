check_PROGRAMS += tests/watch/test_heartbeat tests/watch/test_judge
TESTS += tests/watch/test_heartbeat tests/watch/test_judge
tests_watch_test_heartbeat_SOURCES = tests/watch/test_heartbeat.c
tests_watch_test_heartbeat_LDADD = $(WATCH_LIBS) $(TEST_LIBS)
tests_watch_test_judge_SOURCES = tests/watch/test_judge.c
tests_watch_test_judge_LDADD = $(WATCH_LIBS) $(TEST_LIBS)
