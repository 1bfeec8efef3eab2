check_PROGRAMS += tests/golden/golden_step tests/model/test_table tests/model/test_norm tests/model/test_network \
	tests/model/test_ranks
TESTS += tests/302-golden-detect.sh tests/model/test_table tests/model/test_norm tests/model/test_network tests/model/test_ranks tests/300-golden.sh tests/301-bench-step.sh
tests_golden_golden_step_SOURCES = tests/golden/golden_step.c tests/golden/golden_case.h tests/golden/golden_stream.h
tests_golden_golden_step_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CJSON_CFLAGS)
tests_golden_golden_step_LDADD = libheads.a $(MODEL_LIBS) $(CJSON_LIBS)
tests_model_test_table_SOURCES = tests/model/test_table.c
tests_model_test_table_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_table_LDADD = libheads.a $(MODEL_LIBS) $(TEST_LIBS)
EXTRA_DIST += tests/302-golden-detect.sh tests/300-golden.sh tests/301-bench-step.sh tests/golden/r14x1-bn-plain.json tests/golden/r14x1-bn-ws.json \
	tests/golden/r14x1-gn-plain.json tests/golden/r14x1-odd.json tests/golden/r14x1-sigmoid.json \
	tests/golden/r14x1-softmax.json tests/golden/r14x2-softmax.json tests/golden/r50x1-softmax.json
tests_model_test_norm_SOURCES = tests/model/test_norm.c
tests_model_test_norm_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_norm_LDADD = libheads.a $(MODEL_LIBS) $(TEST_LIBS)
tests_model_test_network_SOURCES = tests/model/test_network.c
tests_model_test_network_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_network_LDADD = libheads.a $(MODEL_LIBS) $(TEST_LIBS)
tests_model_test_ranks_SOURCES = tests/model/test_ranks.c
tests_model_test_ranks_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_ranks_LDADD = libheads.a $(MODEL_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/model/test_head tests/model/test_taps tests/model/test_taps_memory
TESTS += tests/model/test_head tests/model/test_taps tests/model/test_taps_memory
tests_model_test_head_SOURCES = tests/model/test_head.c
tests_model_test_head_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_head_LDADD = $(MODEL_LIBS) $(TEST_LIBS)
tests_model_test_taps_SOURCES = tests/model/test_taps.c tests/model/taps.h
tests_model_test_taps_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_taps_LDADD = $(MODEL_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/golden/golden_detect
tests_golden_golden_detect_SOURCES = tests/golden/golden_detect.c tests/golden/golden_case.h tests/golden/golden_stream.h
tests_golden_golden_detect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CJSON_CFLAGS)
tests_golden_golden_detect_LDADD = libheads.a $(MODEL_LIBS) $(CJSON_LIBS)
tests_model_test_taps_memory_SOURCES = tests/model/test_taps_memory.c tests/model/taps.h
tests_model_test_taps_memory_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_model_test_taps_memory_LDADD = $(MODEL_LIBS) $(TEST_LIBS)
