noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = src/model/arena.c src/model/backward.c src/model/forward.c src/model/initialise.c src/model/layer.c src/model/layer.h \
	src/model/model.c src/model/network.c src/model/network.h src/model/profile.c src/model/profile.h

# What a program that uses this room links.
MODEL_LIBS = libmodel.a $(COMPUTE_LIBS) $(BASE_LIBS)

include tests/model/local.mk
