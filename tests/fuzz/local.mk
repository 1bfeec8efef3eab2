# make check-fuzz [FUZZ_SECONDS=600] [FUZZ_TARGETS='job manifest index list coco jpeg png npz safetensors predictions request']: see tests/fuzz/run.
FUZZ_SECONDS = 600
FUZZ_TARGETS = job manifest index list coco jpeg png npz safetensors predictions $(FUZZ_DAEMON)
check_PROGRAMS += tests/fuzz/fuzz_job
tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz_job.c tests/fuzz/mutate.c tests/fuzz/mutate.h
tests_fuzz_fuzz_job_LDADD = $(JOB_LIBS) $(BASE_LIBS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/run
check_PROGRAMS += tests/fuzz/fuzz_predictions
tests_fuzz_fuzz_predictions_SOURCES = tests/fuzz/fuzz_predictions.c tests/fuzz/mutate.c tests/fuzz/fuzz_file.h
tests_fuzz_fuzz_predictions_LDADD = $(RECORD_LIBS) $(CJSON_LIBS)
if DAEMON
FUZZ_DAEMON = request
check_PROGRAMS += tests/fuzz/fuzz_request
tests_fuzz_fuzz_request_SOURCES = tests/fuzz/fuzz_request.c tests/fuzz/mutate.c
tests_fuzz_fuzz_request_LDADD = $(DAEMON_LIBS)
endif
check-fuzz: tests/fuzz/fuzz_predictions$(EXEEXT) $(FUZZ_DAEMON:%=tests/fuzz/fuzz_%$(EXEEXT)) tests/fuzz/fuzz_index$(EXEEXT) tests/fuzz/fuzz_list$(EXEEXT) tests/fuzz/fuzz_coco$(EXEEXT) tests/fuzz/fuzz_jpeg$(EXEEXT) tests/fuzz/fuzz_png$(EXEEXT) tests/fuzz/fuzz_manifest$(EXEEXT) \
	  tests/fuzz/fuzz_npz$(EXEEXT) tests/fuzz/fuzz_safetensors$(EXEEXT)
	@$(AM_TESTS_ENVIRONMENT) FUZZ_SOURCE='$(srcdir)' FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_TARGETS='$(FUZZ_TARGETS)' \
	  FUZZ_FLAGS='-std=gnu11 -D_GNU_SOURCE -ffp-contract=off -I$(srcdir)/include -I$(srcdir)/src -I$(srcdir) $(HDF5_CFLAGS) $(CJSON_CFLAGS) $(XXHASH_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS) $(ZIP_CFLAGS) $(SQLITE_CFLAGS) $(MICROHTTPD_CFLAGS)' \
	  FUZZ_LIBS='$(HDF5_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(ZIP_LIBS) $(CJSON_LIBS) $(XXHASH_LIBS) $(SQLITE_LIBS) $(MICROHTTPD_LIBS) -lm -lpthread' \
	  FUZZ_SOURCES_job='$(libjob_a_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_manifest='$(STORE_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_index='$(libdata_a_SOURCES) $(libcoco_a_SOURCES) $(DATA_PICTURES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_list='$(libdata_a_SOURCES) $(libcoco_a_SOURCES) $(DATA_PICTURES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_coco='$(libcoco_a_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_jpeg='$(libdata_a_SOURCES) $(libcoco_a_SOURCES) $(DATA_PICTURES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_png='$(libdata_a_SOURCES) $(libcoco_a_SOURCES) $(DATA_PICTURES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_npz='$(libexchange_a_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_safetensors='$(libexchange_a_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_predictions='$(librecord_a_SOURCES) $(libbase_a_SOURCES)' \
	  FUZZ_SOURCES_request='$(libdaemon_a_SOURCES) src/daemon/page_files.c $(librecord_a_SOURCES) $(libjob_a_SOURCES) $(libbase_a_SOURCES)' \
	  '$(srcdir)/tests/fuzz/run'
clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz
.PHONY: check-fuzz clean-fuzz
