check_PROGRAMS += tests/train/steps
TESTS += tests/351-steps.sh
EXTRA_DIST += tests/351-steps.sh
tests_train_steps_SOURCES = tests/train/steps.c
tests_train_steps_LDADD = libtrain.a liboptimise.a libheads.a $(DATA_LIBS) libmodel.a $(COMM_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
