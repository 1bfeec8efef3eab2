# The digits and the example jobs: in the distribution, and installed side by side, since jobs name data relative to
# themselves.
EXTRA_DIST += data/digits
SHARED_FOLDERS = data/digits

install-data-local:
	@set -e; for d in $(SHARED_FOLDERS); do \
	  echo " installing $$d in $(DESTDIR)$(pkgdatadir)/$$d"; \
	  $(MKDIR_P) "$(DESTDIR)$(pkgdatadir)/$$d"; \
	  (cd "$(srcdir)/$$d" && tar cf - .) | (cd "$(DESTDIR)$(pkgdatadir)/$$d" && tar xof -); \
	  chmod -R u+w,go+rX "$(DESTDIR)$(pkgdatadir)/$$d"; \
	done
uninstall-local:
	@set -e; for d in $(SHARED_FOLDERS); do rm -rf "$(DESTDIR)$(pkgdatadir)/$$d"; done; \
	rmdir "$(DESTDIR)$(pkgdatadir)/data" "$(DESTDIR)$(pkgdatadir)" 2>/dev/null || :
