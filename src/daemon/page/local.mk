# The page, built into bitd: no file of it is looked for at run time. uPlot (MIT, uplot/LICENSE) is as its authors publish it.
PAGE_FILES = src/daemon/page/index.html src/daemon/page/style.css src/daemon/page/icon.svg src/daemon/page/start.js src/daemon/page/main.js src/daemon/page/api.js \
	src/daemon/page/format.js src/daemon/page/charts.js src/daemon/page/overview.js src/daemon/page/job.js src/daemon/page/schedule.js src/daemon/page/report.js src/daemon/page/thumbnail.js src/daemon/page/submit.js src/daemon/page/sweep.js \
	src/daemon/page/uplot/uPlot.iife.js src/daemon/page/uplot/uPlot.min.css src/daemon/page/uplot/LICENSE
EXTRA_DIST += $(PAGE_FILES) src/daemon/page/embed
nobase_noinst_HEADERS += src/daemon/page.h
if DAEMON
libdaemon_a_SOURCES += src/daemon/page.c
nodist_libdaemon_a_SOURCES = src/daemon/page_files.c
src/daemon/page_files.c: $(PAGE_FILES) src/daemon/page/embed
	@$(MKDIR_P) src/daemon
	$(AM_V_GEN)files=''; for file in $(PAGE_FILES); do files="$$files $(srcdir)/$$file"; done; \
		$(SHELL) "$(srcdir)/src/daemon/page/embed" $$files >$@.tmp && mv $@.tmp $@
CLEANFILES += src/daemon/page_files.c
endif
