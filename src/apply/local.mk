# Floor 4: trained networks at work on images, in bit and in bitrun.
noinst_LIBRARIES += libapply.a
libapply_a_SOURCES = src/apply/csv.c src/apply/csv.h src/apply/embed.c src/apply/embed.h src/apply/output.h src/apply/output_csv.c \
	src/apply/output_hdf5.c src/apply/parts.c src/apply/parts.h src/apply/ranking.c src/apply/ranking.h src/apply/trained.c src/apply/trained.h
libapply_a_CPPFLAGS = $(AM_CPPFLAGS) $(HDF5_CFLAGS) $(CJSON_CFLAGS)
libapply_a_SOURCES += src/apply/alike.c src/apply/alike.h
libapply_a_SOURCES += src/apply/embedding.c src/apply/embedding.h
include tests/apply/local.mk
