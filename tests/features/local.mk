check_PROGRAMS += tests/features/test_probe
TESTS += tests/features/test_probe
tests_features_test_probe_SOURCES = tests/features/test_probe.c
tests_features_test_probe_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_features_test_probe_LDADD = $(FEATURES_LIBS) $(TEST_LIBS)
EXTRA_DIST += tests/golden/probe.json tests/features/reference.py
