bin_PROGRAMS += bit
bit_SOURCES = src/cli/check.c src/cli/commands.c src/cli/common.c src/cli/main.c src/cli/plot.c src/cli/plot_chart.c \
	src/cli/plot_page.c
bit_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
nobase_noinst_HEADERS += src/cli/cli.h src/cli/plot.h
bit_LDADD = $(JOB_LIBS) $(BASE_LIBS)
