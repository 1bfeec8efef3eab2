noinst_LIBRARIES += libplan.a
libplan_a_SOURCES = src/plan/labels.c src/plan/memory.c src/plan/plan.c src/plan/print.c src/plan/warn.c
nobase_noinst_HEADERS += src/plan/plan.h
PLAN_LIBS = libplan.a libmodel.a $(JOB_LIBS) $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/plan/local.mk
include jobs/local.mk
