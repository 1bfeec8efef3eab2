check_PROGRAMS += tests/store/store_ranks tests/store/store_ranks_points
tests_store_store_ranks_SOURCES = tests/store/ranks.c tests/store/state.h
tests_store_store_ranks_LDADD = $(STORE_LIBS) $(COMM_LIBS) $(BASE_LIBS)
tests_store_store_ranks_points_SOURCES = tests/store/ranks.c tests/store/state.h
tests_store_store_ranks_points_LDADD = $(STORE_POINTS_LIBS) $(COMM_LIBS) $(BASE_LIBS)
