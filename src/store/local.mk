noinst_LIBRARIES += libstore.a
STORE_SOURCES = src/store/arrival.c src/store/arrival.h src/store/checksum.c src/store/checksum.h src/store/compare.c src/store/erase.c src/store/fetch.c src/store/generations.c \
	src/store/generations.h src/store/hdf5.c src/store/hdf5.h src/store/load.c src/store/manifest.c src/store/manifest.h \
	src/store/master.c src/store/momentum.c src/store/newest.c src/store/newest.h src/store/parse.c src/store/prune.c src/store/points.c src/store/points.h \
	src/store/reader.c src/store/save.c src/store/shard.c src/store/shard.h src/store/store.c src/store/store.h
STORE_CPPFLAGS = $(AM_CPPFLAGS) $(HDF5_CFLAGS) $(CJSON_CFLAGS)
STORE_LIBS = libstore.a librecord.a $(BASE_LIBS) $(HDF5_LIBS) $(CJSON_LIBS)
libstore_a_SOURCES = $(STORE_SOURCES)
libstore_a_CPPFLAGS = $(STORE_CPPFLAGS)
EXTRA_DIST += src/store/FORMAT.md
dist_man_MANS += man/bit-checkpoint.5

# The same with the points at which tests kill the writer.
check_LIBRARIES = libstore_points.a
libstore_points_a_SOURCES = $(STORE_SOURCES)
libstore_points_a_CPPFLAGS = $(STORE_CPPFLAGS) -DBIT_TEST_POINTS
STORE_POINTS_LIBS = libstore_points.a librecord.a $(BASE_LIBS) $(HDF5_LIBS) $(CJSON_LIBS)

include tests/store/local.mk
