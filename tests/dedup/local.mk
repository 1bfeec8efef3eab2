DEDUP_TEST_LDADD = $(DEDUP_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/dedup/test_dedup tests/dedup/recall
TESTS += tests/dedup/test_dedup tests/108-dedup.sh
EXTRA_DIST += tests/108-dedup.sh
tests_dedup_test_dedup_SOURCES = tests/dedup/test_dedup.c $(DATA_PICTURES)
tests_dedup_test_dedup_LDADD = $(DEDUP_TEST_LDADD)
tests_dedup_recall_SOURCES = tests/dedup/recall.c
tests_dedup_recall_LDADD = $(DEDUP_LIBS)
