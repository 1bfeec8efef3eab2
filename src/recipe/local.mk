noinst_LIBRARIES += librecipe.a
librecipe_a_SOURCES = src/recipe/anchors.c src/recipe/labels.c src/recipe/machine.c src/recipe/memory.c src/recipe/plan.c src/recipe/predict.c src/recipe/print.c \
	src/recipe/recipe.c src/recipe/rule.c src/recipe/warn.c
librecipe_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/recipe/recipe.h
RECIPE_LIBS = librecipe.a libmodel.a libheads.a $(JOB_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/recipe/local.mk
include jobs/local.mk
