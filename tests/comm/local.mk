check_PROGRAMS += tests/comm/test_reducer tests/comm/ranks
TESTS += tests/comm/test_reducer tests/350-ranks.sh tests/352-bench-reduce.sh tests/353-network.sh
EXTRA_DIST += tests/350-ranks.sh tests/352-bench-reduce.sh tests/353-network.sh tests/lab/hosts
tests_comm_ranks_SOURCES = tests/comm/ranks.c
tests_comm_ranks_LDADD = $(COMM_LIBS) $(BASE_LIBS)
tests_comm_test_reducer_SOURCES = tests/comm/test_reducer.c
tests_comm_test_reducer_LDADD = $(COMM_LIBS) $(BASE_LIBS) $(TEST_LIBS)
