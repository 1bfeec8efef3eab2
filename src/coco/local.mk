# Floor 1: COCO's files, and average precision.
noinst_LIBRARIES += libcoco.a
libcoco_a_SOURCES = src/coco/annotations.c src/coco/fields.c src/coco/fields.h src/coco/check.c src/coco/ids.c src/coco/ids.h src/coco/lines.c src/coco/reader.h src/coco/match.c src/coco/match.h src/coco/results.c src/coco/score.c
libcoco_a_SOURCES += src/coco/compare.c src/coco/kept.h
# No fused multiply-add: overlaps stand exactly on thresholds.
libcoco_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
nobase_noinst_HEADERS += include/bit/coco.h
COCO_LIBS = libcoco.a
include tests/coco/local.mk
