noinst_LIBRARIES += libevaluate.a
libevaluate_a_SOURCES = src/evaluate/evaluate.c
