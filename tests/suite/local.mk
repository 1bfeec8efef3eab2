check_PROGRAMS += tests/suite/test_suite
TESTS += tests/suite/test_suite
EXTRA_DIST += tests/suite/kills.sh
# A suite that is killed at random moments: KILLS=20, SEED=N.
KILLS = 20
check-suite-kills: bit$(EXEEXT) bitrun$(EXEEXT)
	KILLS=$(KILLS) SEED=$(SEED) BUILD=. $(srcdir)/tests/suite/kills.sh
.PHONY: check-suite-kills
tests_suite_test_suite_SOURCES = tests/suite/test_suite.c
tests_suite_test_suite_LDADD = $(SUITE_LIBS) $(TEST_LIBS)
