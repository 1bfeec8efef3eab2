check_PROGRAMS += tests/comm/test_share tests/comm/ranks
TESTS += tests/comm/test_share tests/350-ranks.sh tests/352-bench-reduce.sh tests/353-network.sh
EXTRA_DIST += tests/350-ranks.sh tests/352-bench-reduce.sh tests/353-network.sh tests/lab/hosts
tests_comm_test_share_SOURCES = tests/comm/test_share.c
tests_comm_test_share_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CFLAGS)
tests_comm_test_share_LDADD = $(COMM_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_comm_ranks_SOURCES = tests/comm/ranks.c
tests_comm_ranks_LDADD = $(COMM_LIBS) $(BASE_LIBS)
