noinst_LIBRARIES += libplan.a
libplan_a_SOURCES = src/plan/labels.c src/plan/machine.c src/plan/memory.c src/plan/plan.c src/plan/predict.c src/plan/print.c src/plan/warn.c
libplan_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/plan/plan.h
PLAN_LIBS = libplan.a libmodel.a libheads.a $(JOB_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/plan/local.mk
include jobs/local.mk
