check_PROGRAMS += tests/base/test_trace tests/base/test_error tests/base/test_file tests/base/test_hash tests/base/test_random \
	tests/base/test_text tests/base/test_table tests/base/test_group tests/base/test_limits tests/base/test_memory tests/base/test_log \
	tests/base/test_clock tests/base/test_phase tests/base/test_json tests/base/test_json_stream tests/base/test_share tests/base/test_options tests/base/test_wait
TESTS += tests/base/test_trace tests/base/test_error tests/base/test_file tests/base/test_hash tests/base/test_random \
	tests/base/test_text tests/base/test_table tests/base/test_group tests/base/test_limits tests/base/test_memory tests/base/test_log \
	tests/base/test_clock tests/base/test_phase tests/base/test_json tests/base/test_json_stream tests/base/test_share tests/base/test_options tests/base/test_wait
tests_base_test_error_SOURCES = tests/base/test_error.c
tests_base_test_error_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_file_SOURCES = tests/base/test_file.c
tests_base_test_file_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_hash_SOURCES = tests/base/test_hash.c
tests_base_test_hash_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_random_SOURCES = tests/base/test_random.c
tests_base_test_random_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_text_SOURCES = tests/base/test_text.c
tests_base_test_text_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_table_SOURCES = tests/base/test_table.c
tests_base_test_table_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_group_SOURCES = tests/base/test_group.c
tests_base_test_group_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_memory_SOURCES = tests/base/test_memory.c
tests_base_test_memory_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_log_SOURCES = tests/base/test_log.c
tests_base_test_log_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_clock_SOURCES = tests/base/test_clock.c
tests_base_test_clock_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_trace_SOURCES = tests/base/test_trace.c
tests_base_test_trace_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_phase_SOURCES = tests/base/test_phase.c
tests_base_test_phase_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_json_SOURCES = tests/base/test_json.c
tests_base_test_json_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_base_test_json_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_json_stream_SOURCES = tests/base/test_json_stream.c
tests_base_test_json_stream_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_options_SOURCES = tests/base/test_options.c
tests_base_test_options_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_limits_SOURCES = tests/base/test_limits.c
tests_base_test_limits_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_share_SOURCES = tests/base/test_share.c
tests_base_test_share_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_base_test_wait_SOURCES = tests/base/test_wait.c
tests_base_test_wait_LDADD = $(BASE_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/base/test_statistics
TESTS += tests/base/test_statistics
tests_base_test_statistics_SOURCES = tests/base/test_statistics.c
tests_base_test_statistics_LDADD = $(BASE_LIBS) $(TEST_LIBS)
