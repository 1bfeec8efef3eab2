check_PROGRAMS += tests/optimise/test_gradient tests/optimise/test_sgd
TESTS += tests/optimise/test_gradient tests/optimise/test_sgd
tests_optimise_test_gradient_SOURCES = tests/optimise/test_gradient.c
tests_optimise_test_gradient_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_optimise_test_gradient_LDADD = $(OPTIMISE_LIBS) $(TEST_LIBS)
tests_optimise_test_sgd_SOURCES = tests/optimise/test_sgd.c
tests_optimise_test_sgd_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_optimise_test_sgd_LDADD = $(OPTIMISE_LIBS) $(TEST_LIBS)
