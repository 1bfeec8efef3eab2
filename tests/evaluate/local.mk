check_PROGRAMS += tests/evaluate/test_score
TESTS += tests/evaluate/test_score
tests_evaluate_test_score_SOURCES = tests/evaluate/test_score.c
tests_evaluate_test_score_LDADD = libevaluate.a $(TEST_LIBS)
