noinst_LIBRARIES += libevaluate.a
libevaluate_a_SOURCES = src/evaluate/evaluate.c src/evaluate/groups.c src/evaluate/records.c src/evaluate/records.h
