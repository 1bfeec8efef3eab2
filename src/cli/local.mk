bin_PROGRAMS += bit
bit_SOURCES = src/cli/check.c src/cli/ckpt.c src/cli/ckpt_export.c src/cli/ckpt_import.c src/cli/ckpt_show.c src/cli/coco.c src/cli/commands.c src/cli/common.c \
	src/cli/end.c src/cli/main.c src/cli/limits.c src/cli/plan.c src/cli/settle.c src/cli/suite.c src/cli/thumbnail.c src/cli/plot.c src/cli/plot_chart.c src/cli/plot_page.c src/cli/watch.c
bit_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(JPEG_CFLAGS) -DBIT_MPIRUN='"$(MPIRUN)"' -DBIT_MPI_KIND='"$(MPI_KIND)"'
bit_SOURCES += src/bench/bench.c src/bench/bench.h src/bench/ceiling.c src/bench/checkpoint.c src/bench/decode.c src/bench/fit.c src/bench/ops.c src/bench/pictures.c \
	src/bench/reduce.c src/bench/reduction.h src/bench/reduction_options.c src/bench/step.c
bit_SOURCES += src/cli/compose.c src/cli/compose.h src/cli/compose_canvas.c src/cli/labels.c src/cli/labels.h src/cli/labels_map.c
bit_SOURCES += src/cli/report_json.c
bit_SOURCES += src/cli/compare.c src/cli/report.c src/cli/report.h src/cli/report_gallery.c \
	src/cli/report_predictions.c src/cli/report_runs.c
bit_SOURCES += src/cli/apply.c src/cli/apply.h src/cli/embed.c src/cli/predict.c src/cli/probe.c
nobase_noinst_HEADERS += src/cli/ckpt.h src/cli/cli.h src/cli/plot.h
bit_SOURCES += src/cli/dedup.c
bit_SOURCES += src/cli/predict.h src/cli/predict_boxes.c src/cli/predict_page.c
bit_LDADD = libdedup.a libapply.a libfeatures.a libsuite.a libstart.a $(EXCHANGE_LIBS) librecipe.a libwatch.a librecord.a liboptimise.a libmodel.a libheads.a $(STORE_LIBS) $(DATA_LIBS) $(JOB_LIBS) $(COCO_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
dist_man_MANS += man/bit.1 man/bit-job.5
include tests/cli/local.mk
