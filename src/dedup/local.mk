# Floor 3: near-duplicates between sets of pictures.
noinst_LIBRARIES += libdedup.a
libdedup_a_SOURCES = src/dedup/ledger.c src/dedup/ledger.h src/dedup/lists.c src/dedup/look.c src/dedup/pairs.c src/dedup/parts.h \
	src/dedup/readers.c src/dedup/report.c src/dedup/run.c src/dedup/set.c
# No fused multiply-add: a picture looks the same on every machine.
libdedup_a_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
nobase_noinst_HEADERS += include/bit/dedup.h
DEDUP_LIBS = libdedup.a $(DATA_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/dedup/local.mk
