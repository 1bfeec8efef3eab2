noinst_LIBRARIES += libdata.a
libdata_a_SOURCES = src/data/antialias.c src/data/antialias.h src/data/augment.c src/data/augment.h src/data/decoder.c src/data/decoder.h src/data/exif.c src/data/exif.h src/data/index.c src/data/index.h \
	src/data/index_boxes.c src/data/index_build.c src/data/index_check.c src/data/index_share.c src/data/index_list.c src/data/index_look.c src/data/index_names.c src/data/index_scan.c src/data/jpeg.c \
	src/data/jpeg.h src/data/kind.c src/data/kind.h src/data/leftout.c src/data/leftout.h src/data/list_line.c src/data/list_line.h src/data/measure.c src/data/order.c src/data/picture.c src/data/picture.h src/data/png.c src/data/png.h src/data/quarantine.c src/data/quarantine.h src/data/resample.c \
	src/data/resample.h src/data/resize.c src/data/resize.h src/data/sample.c src/data/sample.h src/data/stream.c src/data/subset.c src/data/mix.c
libdata_a_SOURCES += src/data/boxes.c src/data/boxes.h src/data/thumbnail.c
libdata_a_SOURCES += src/data/jpeg_write.c
nobase_noinst_HEADERS += include/bit/jpeg.h
libdata_a_CPPFLAGS = $(AM_CPPFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
# No fused multiply-add: an image must have the same bits on every machine.
libdata_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
DATA_LIBS = libdata.a $(COCO_LIBS) $(JPEG_LIBS) $(PNG_LIBS)
include tests/data/local.mk
