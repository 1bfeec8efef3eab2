exchange_tests = tests/410-exchange.sh
TESTS += $(exchange_tests)
EXTRA_DIST += $(exchange_tests) tests/exchange/archive.py tests/exchange/network.py

# Some thousands of mutated files; the same targets for make check-fuzz.
exchange_fuzz = tests/fuzz/fuzz_npz tests/fuzz/fuzz_safetensors
check_PROGRAMS += $(exchange_fuzz)
TESTS += $(exchange_fuzz)
tests_fuzz_fuzz_npz_SOURCES = tests/fuzz/fuzz_npz.c tests/fuzz/fuzz_weights.h tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_npz_LDADD = $(EXCHANGE_LIBS)
tests_fuzz_fuzz_safetensors_SOURCES = tests/fuzz/fuzz_safetensors.c tests/fuzz/fuzz_weights.h tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_safetensors_LDADD = $(EXCHANGE_LIBS)
