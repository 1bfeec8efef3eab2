check_PROGRAMS += tests/train/test_gradient tests/train/test_sgd tests/train/steps
TESTS += tests/train/test_gradient tests/train/test_sgd tests/351-steps.sh
EXTRA_DIST += tests/351-steps.sh
tests_train_test_gradient_SOURCES = tests/train/test_gradient.c
tests_train_test_gradient_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_train_test_gradient_LDADD = libtrain.a $(COMM_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_train_test_sgd_SOURCES = tests/train/test_sgd.c
tests_train_test_sgd_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_train_test_sgd_LDADD = libtrain.a $(COMM_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_train_steps_SOURCES = tests/train/steps.c
tests_train_steps_LDADD = libtrain.a libheads.a $(DATA_LIBS) $(MODEL_LIBS) $(COMM_LIBS)
