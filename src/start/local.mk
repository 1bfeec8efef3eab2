noinst_LIBRARIES += libstart.a
libstart_a_SOURCES = src/start/start.c src/start/take.c
libstart_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
START_LIBS = libstart.a $(EXCHANGE_LIBS) $(STORE_LIBS) libmodel.a libheads.a $(COMPUTE_LIBS) $(BASE_LIBS)

nobase_noinst_HEADERS += include/bit/start.h
include tests/start/local.mk
