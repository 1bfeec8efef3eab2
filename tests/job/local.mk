job_tests = tests/job/test_files tests/job/test_hard tests/job/test_keys tests/job/test_schedule
check_PROGRAMS += $(job_tests)
TESTS += $(job_tests)
job_test_libs = $(JOB_LIBS) $(BASE_LIBS) $(TEST_LIBS)
tests_job_test_files_SOURCES = tests/job/test_files.c
tests_job_test_files_LDADD = $(job_test_libs)
tests_job_test_hard_SOURCES = tests/job/test_hard.c
tests_job_test_hard_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_job_test_hard_LDADD = $(job_test_libs)
tests_job_test_keys_SOURCES = tests/job/test_keys.c
tests_job_test_keys_LDADD = $(job_test_libs)
tests_job_test_schedule_SOURCES = tests/job/test_schedule.c
tests_job_test_schedule_LDADD = $(job_test_libs)
nobase_noinst_HEADERS += tests/job/files.h
EXTRA_DIST += tests/job/invalid tests/job/valid

# make fuzz-job [FUZZ_SECONDS=60]: needs clang. Seeds are the test folders; findings are left in fuzz-job/.
FUZZ_SECONDS = 60
EXTRA_DIST += tests/fuzz/fuzz_job.c
fuzz-job:
	$(MKDIR_P) fuzz-job/corpus
	clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE \
	  -I$(srcdir)/include -I$(srcdir)/src $(CJSON_CFLAGS) $(XXHASH_CFLAGS) -o fuzz-job/fuzz_job $(srcdir)/tests/fuzz/fuzz_job.c \
	  $(addprefix $(srcdir)/,$(libjob_a_SOURCES) $(filter %.c,$(libbase_a_SOURCES))) $(CJSON_LIBS) $(XXHASH_LIBS) -lm -lpthread
	for f in $(srcdir)/tests/job/*valid/*.json; do cp "$$f" fuzz-job/corpus/; \
	  set=$${f%.json}.set; [ ! -f "$$set" ] || { cat "$$f"; printf '\036'; cat "$$set"; } >"fuzz-job/corpus/$$(basename "$$set")"; done
	fuzz-job/fuzz_job -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -artifact_prefix=fuzz-job/ fuzz-job/corpus
clean-local: clean-fuzz-job
clean-fuzz-job:
	rm -rf fuzz-job
.PHONY: fuzz-job clean-fuzz-job
