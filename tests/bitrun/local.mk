check_PROGRAMS += tests/bitrun/timeline tests/bitrun/test_boundary tests/bitrun/test_options tests/bitrun/test_standing
# bitrun with the points at which its writer is killed or held up.
check_PROGRAMS += tests/bitrun/bitrun_points
tests_bitrun_bitrun_points_SOURCES = $(BITRUN_SOURCES)
tests_bitrun_bitrun_points_LDADD = $(RUN_LIBS) libstore_points.a $(RUN_MORE_LIBS)
TESTS += tests/bitrun/test_boundary tests/bitrun/test_options tests/bitrun/test_standing
tests_bitrun_test_options_SOURCES = tests/bitrun/test_options.c
tests_bitrun_test_options_LDADD = librun.a $(BASE_LIBS) $(TEST_LIBS)
tests_bitrun_test_standing_SOURCES = tests/bitrun/test_standing.c
tests_bitrun_test_standing_LDADD = librun.a libobserve.a $(BASE_LIBS) $(CJSON_LIBS) $(TEST_LIBS)
tests_bitrun_timeline_SOURCES = tests/bitrun/timeline.c
tests_bitrun_timeline_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_bitrun_timeline_LDADD = $(BASE_LIBS) $(CJSON_LIBS)
tests_bitrun_test_boundary_SOURCES = tests/bitrun/test_boundary.c
tests_bitrun_test_boundary_LDADD = librun.a $(BASE_LIBS) $(TEST_LIBS)
