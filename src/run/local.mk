noinst_LIBRARIES += librun.a
librun_a_SOURCES = src/run/arrays.c src/run/boundary.c src/run/census.c src/run/cores.c src/run/detections.c src/run/end.c src/run/folder.c \
	src/run/loop.c src/run/measure.c src/run/options.c src/run/outcome.c \
	src/run/peers.c src/run/predictions.c src/run/resume.c src/run/run.c src/run/saving.c src/run/setback.c src/run/setup.c src/run/signals.c \
	src/run/standing.c src/run/start.c src/run/states.c
librun_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/run/arrays.h src/run/boundary.h src/run/census.h src/run/cores.h src/run/detections.h src/run/folder.h src/run/measure.h \
	 src/run/options.h src/run/outcome.h src/run/peers.h src/run/predictions.h src/run/run.h \
	src/run/saving.h src/run/setback.h src/run/signals.h src/run/standing.h src/run/start.h src/run/states.h
dist_man_MANS += man/bitrun.1 man/bit-recovery.7
include tests/bitrun/local.mk
bin_PROGRAMS += bitrun
# bitrun itself; also under test, with points at which it may be harmed.
BITRUN_SOURCES = src/run/main.c src/run/embed.c src/run/embed.h src/bench/messages.c src/bench/reduction.c src/bench/reduction.h \
	src/bench/reduction_main.c src/bench/reduction_options.c
bitrun_SOURCES = $(BITRUN_SOURCES)
bitrun_LDADD = $(RUN_LIBS) libstore.a $(RUN_MORE_LIBS)
RUN_LIBS = libapply.a librun.a libevaluate.a libtrain.a liboptimise.a librecipe.a libfeatures.a libstart.a libexchange.a libdedup.a
RUN_MORE_LIBS = libobserve.a libmodel.a libheads.a libdata.a libcoco.a libcomm.a libwatch.a librecord.a libjob.a $(COMPUTE_LIBS) \
	$(BASE_LIBS) $(HDF5_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(CJSON_LIBS) $(ZIP_LIBS) $(MPI_LIBS)

# Black-box: bitrun at 1, 2 and 4 ranks on a tiny job.
BITRUN_TESTS = tests/430-finetune.sh tests/435-suite.sh tests/500-ranks.sh tests/510-resume.sh tests/520-signals.sh tests/530-refusals.sh tests/540-bad-images.sh tests/541-list.sh tests/542-png.sh \
	tests/550-memory.sh tests/555-limits.sh tests/560-variants.sh tests/565-detect.sh tests/570-background.sh tests/580-trace.sh tests/590-watchdog.sh tests/591-slow.sh tests/592-rollback.sh \
	tests/593-memory.sh tests/594-spike.sh
BITRUN_TESTS += tests/597-metrics.sh tests/598-labels.sh
TESTS += $(BITRUN_TESTS)
EXTRA_DIST += $(BITRUN_TESTS)
