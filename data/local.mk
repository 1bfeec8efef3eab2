# The digits: in the distribution, and installed beside the example jobs, which name data relative to themselves.
EXTRA_DIST += data/digits
digitsdir = $(pkgdatadir)/data/digits

install-data-local:
	@echo " installing data/digits in $(DESTDIR)$(digitsdir)"
	@$(MKDIR_P) "$(DESTDIR)$(digitsdir)"
	@(cd "$(srcdir)/data/digits" && tar cf - .) | (cd "$(DESTDIR)$(digitsdir)" && tar xof -)
	@chmod -R u+w,go+rX "$(DESTDIR)$(digitsdir)"
uninstall-local:
	rm -rf "$(DESTDIR)$(digitsdir)"
	-rmdir "$(DESTDIR)$(pkgdatadir)/data" "$(DESTDIR)$(pkgdatadir)" 2>/dev/null
