# Floor 3: what trained networks are good for without training: features, probes, neighbours.
noinst_LIBRARIES += libfeatures.a
libfeatures_a_SOURCES = src/features/draw.c src/features/extract.c src/features/few.c src/features/lapack.h src/features/neighbours.c src/features/ridge.c src/features/task.c
libfeatures_a_CPPFLAGS = $(AM_CPPFLAGS) $(OPENBLAS_CFLAGS)
nobase_noinst_HEADERS += include/bit/features.h include/bit/probe.h
FEATURES_LIBS = libfeatures.a libmodel.a libheads.a $(DATA_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/features/local.mk
