check_PROGRAMS += tests/heads/test_score tests/heads/test_classify
TESTS += tests/heads/test_score tests/heads/test_classify
tests_heads_test_score_SOURCES = tests/heads/test_score.c
tests_heads_test_score_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
tests_heads_test_classify_SOURCES = tests/heads/test_classify.c
tests_heads_test_classify_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
