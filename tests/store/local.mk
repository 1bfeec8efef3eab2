STORE_TESTS_COMMON = tests/store/folder.h tests/store/state.h
check_PROGRAMS += tests/store/store_ranks tests/store/store_ranks_points tests/store/test_manifest tests/store/test_points \
	tests/store/test_store tests/fuzz/fuzz_manifest
TESTS += tests/fuzz/fuzz_manifest tests/store/test_manifest tests/store/test_points tests/store/test_store

tests_store_test_manifest_SOURCES = tests/store/test_manifest.c $(STORE_TESTS_COMMON)
tests_store_test_manifest_LDADD = $(STORE_LIBS) $(TEST_LIBS)
tests_store_test_points_SOURCES = tests/store/test_points.c $(STORE_TESTS_COMMON)
tests_store_test_points_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_TEST_POINTS
tests_store_test_points_LDADD = $(STORE_POINTS_LIBS) $(TEST_LIBS)
tests_store_test_store_SOURCES = tests/store/test_store.c $(STORE_TESTS_COMMON)
tests_store_test_store_LDADD = $(STORE_LIBS) $(TEST_LIBS)

# At several ranks; without and with the points at which the writer is killed.
tests_store_store_ranks_SOURCES = tests/store/ranks.c $(STORE_TESTS_COMMON)
tests_store_store_ranks_LDADD = $(STORE_LIBS) $(COMM_LIBS) $(BASE_LIBS)
tests_store_store_ranks_points_SOURCES = tests/store/ranks.c $(STORE_TESTS_COMMON)
tests_store_store_ranks_points_LDADD = $(STORE_POINTS_LIBS) $(COMM_LIBS) $(BASE_LIBS)
STORE_BLACK_BOX = tests/400-ckpt-ranks.sh tests/401-ckpt-hdf5.sh tests/402-bit-ckpt.sh tests/403-disk-full.sh tests/404-late-rename.sh tests/405-ill-storage.sh
TESTS += $(STORE_BLACK_BOX)
EXTRA_DIST += $(STORE_BLACK_BOX) tests/store/readback.py

# Some thousands of mutated manifests; with clang -fsanitize=fuzzer in place of mutate.c it is a libFuzzer target.
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c tests/fuzz/mutate.c tests/fuzz/mutate.h $(STORE_TESTS_COMMON)
tests_fuzz_fuzz_manifest_LDADD = $(STORE_LIBS)
