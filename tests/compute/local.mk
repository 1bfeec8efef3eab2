check_PROGRAMS += tests/compute/test_convolution tests/compute/test_backend tests/compute/test_start
TESTS += tests/compute/test_convolution tests/compute/test_backend tests/compute/test_start
tests_compute_test_convolution_SOURCES = tests/compute/test_convolution.c tests/unit.h
tests_compute_test_convolution_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_compute_test_convolution_LDADD = $(COMPUTE_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_compute_test_backend_SOURCES = tests/compute/test_backend.c tests/unit.h
tests_compute_test_backend_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_compute_test_backend_LDADD = $(COMPUTE_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_compute_test_start_SOURCES = tests/compute/test_start.c tests/unit.h
tests_compute_test_start_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests $(CUNIT_CFLAGS)
tests_compute_test_start_LDADD = $(COMPUTE_LIBS) $(BASE_LIBS) $(TEST_LIBS)

TESTS += tests/250-bench-ops.sh tests/251-instruction-sets.sh tests/252-kernel-map.sh
EXTRA_DIST += tests/250-bench-ops.sh tests/251-instruction-sets.sh tests/252-kernel-map.sh
