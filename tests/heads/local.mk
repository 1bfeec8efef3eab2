check_PROGRAMS += tests/heads/test_score tests/heads/test_classify
TESTS += tests/heads/test_score tests/heads/test_classify
tests_heads_test_score_SOURCES = tests/heads/test_score.c
tests_heads_test_score_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
tests_heads_test_classify_SOURCES = tests/heads/test_classify.c
tests_heads_test_classify_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/heads/test_detect
TESTS += tests/heads/test_detect
tests_heads_test_detect_SOURCES = tests/heads/test_detect.c tests/golden/golden_stream.h
tests_heads_test_detect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS) $(CJSON_CFLAGS)
tests_heads_test_detect_LDADD = $(HEADS_LIBS) $(TEST_LIBS) $(CJSON_LIBS)
EXTRA_DIST += tests/golden/detection/retinanet-loss.json tests/golden/detection/retinanet-match.json \
	tests/golden/detection/retinanet-detect.json tests/golden/detection/retinanet-r14x1-activation-gn.json \
	tests/golden/detection/retinanet-r14x1-sum-plain.json tests/golden/detection/retinanet-r14x1-hard-gn.json
check_PROGRAMS += tests/heads/test_metrics
TESTS += tests/heads/test_metrics
tests_heads_test_metrics_SOURCES = tests/heads/test_metrics.c
tests_heads_test_metrics_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
EXTRA_DIST += tests/heads/metrics.py
check_PROGRAMS += tests/heads/test_detect_net
TESTS += tests/heads/test_detect_net
tests_heads_test_detect_net_SOURCES = tests/heads/test_detect_net.c tests/golden/golden_stream.h
tests_heads_test_detect_net_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_heads_test_detect_net_LDADD = $(HEADS_LIBS) $(TEST_LIBS)
