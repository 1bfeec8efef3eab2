# Floor 2: weights of others, in and out.
noinst_LIBRARIES += libexchange.a
libexchange_a_SOURCES = src/exchange/names.c src/exchange/names.h src/exchange/npy.c src/exchange/npz.c src/exchange/npz_write.c \
	src/exchange/onnx.c src/exchange/protobuf.c src/exchange/protobuf.h src/exchange/read.c src/exchange/safetensors.c \
	src/exchange/safetensors_write.c src/exchange/source.h src/exchange/write.c src/exchange/write.h
libexchange_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(ZIP_CFLAGS)
nobase_noinst_HEADERS += include/bit/exchange.h
EXCHANGE_LIBS = libexchange.a $(BASE_LIBS) $(CJSON_LIBS) $(ZIP_LIBS)
include tests/exchange/local.mk
