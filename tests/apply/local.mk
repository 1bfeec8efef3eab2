check_PROGRAMS += tests/apply/test_apply
TESTS += tests/apply/test_apply
tests_apply_test_apply_SOURCES = tests/apply/test_apply.c
tests_apply_test_apply_LDADD = libapply.a libfeatures.a libstart.a libexchange.a librecipe.a libwatch.a librecord.a liboptimise.a libmodel.a libheads.a \
	$(STORE_LIBS) $(EXCHANGE_LIBS) $(DATA_LIBS) $(JOB_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS) $(TEST_LIBS)
