bin_PROGRAMS += bit
bit_SOURCES = src/cli/check.c src/cli/commands.c src/cli/common.c src/cli/main.c
nobase_noinst_HEADERS += src/cli/cli.h
bit_LDADD = $(JOB_LIBS) $(BASE_LIBS)
