noinst_LIBRARIES += libplan.a
libplan_a_SOURCES = src/plan/memory.c src/plan/plan.c src/plan/print.c src/plan/warn.c
nobase_noinst_HEADERS += src/plan/plan.h
include jobs/local.mk
