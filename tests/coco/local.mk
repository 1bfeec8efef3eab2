check_PROGRAMS += tests/coco/test_check tests/coco/test_score tests/coco/test_read tests/fuzz/fuzz_coco
TESTS += tests/coco/test_check tests/coco/test_score tests/coco/test_read
tests_coco_test_score_SOURCES = tests/coco/plain.c tests/coco/plain.h tests/coco/test_score.c
tests_coco_test_score_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_coco_test_score_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_coco_test_score_LDADD = $(COCO_LIBS) $(BASE_LIBS) $(TEST_LIBS) -lm
tests_coco_test_check_SOURCES = tests/coco/test_check.c
tests_coco_test_check_LDADD = $(COCO_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_coco_test_read_SOURCES = tests/coco/test_read.c
tests_coco_test_read_LDADD = $(COCO_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_fuzz_fuzz_coco_SOURCES = tests/fuzz/fuzz_coco.c tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_coco_LDADD = $(COCO_LIBS) $(BASE_LIBS)
TESTS += tests/202-coco.sh
EXTRA_DIST += tests/202-coco.sh tests/coco/cases
