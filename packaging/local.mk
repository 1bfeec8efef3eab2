# Packages, completion and units. bash-completion and systemd look in these folders below /usr; others by
# configure --with-bash-completion-dir, --with-systemd-system-dir, --with-systemd-user-dir (no: not installed).
EXTRA_DIST += packaging/README packaging/build-deb packaging/check packaging/completion/bit packaging/rpm/bit.spec \
	packaging/spack/repo.yaml packaging/spack/packages/bit/package.py packaging/systemd/bit-job@.service.in packaging/systemd/bitd.service.in packaging/systemd/bitd@.service.in $(DEBIAN_FILES)
DEBIAN_FILES = packaging/debian/bit-data.install packaging/debian/bit.docs packaging/debian/bit.install packaging/debian/changelog \
	packaging/debian/control packaging/debian/copyright packaging/debian/rules packaging/debian/source/format packaging/debian/source/lintian-overrides \
	packaging/debian/bit.lintian-overrides packaging/debian/bit-data.lintian-overrides

UNITS = packaging/systemd/system/bit-job@.service packaging/systemd/user/bit-job@.service
if DAEMON
UNITS += packaging/systemd/user/bitd.service packaging/systemd/system/bitd@.service
endif
noinst_DATA = $(UNITS)
CLEANFILES += $(UNITS)
# One text for both: a user's unit has that user's folders and rights.
packaging/systemd/system/bit-job@.service: packaging/systemd/bit-job@.service.in Makefile
	@$(MKDIR_P) packaging/systemd/system
	$(AM_V_GEN)sed -e 's|@bindir[@]|$(bindir)|; s|@job_place[@]|/etc/bit/NAME.json|; s|@run_place[@]|/var/lib/bit/NAME/run|' \
		-e 's|@network_only[@]||; s|@dynamic_user[@]||; s|@wanted_by[@]|multi-user.target|' \
		"$(srcdir)/packaging/systemd/bit-job@.service.in" >$@
packaging/systemd/user/bit-job@.service: packaging/systemd/bit-job@.service.in Makefile
	@$(MKDIR_P) packaging/systemd/user
	$(AM_V_GEN)sed -e 's|@bindir[@]|$(bindir)|; s|@job_place[@]|~/.config/bit/NAME.json|; s|@run_place[@]|~/.local/state/bit/NAME/run (~/.config before systemd 254)|' \
		-e '/@network_only[@]/d; /@dynamic_user[@]/d; s|@wanted_by[@]|default.target|' \
		"$(srcdir)/packaging/systemd/bit-job@.service.in" >$@
packaging/systemd/user/bitd.service: packaging/systemd/bitd.service.in Makefile
	@$(MKDIR_P) packaging/systemd/user
	$(AM_V_GEN)sed -e 's|@bindir[@]|$(bindir)|' "$(srcdir)/packaging/systemd/bitd.service.in" >$@

packaging/systemd/system/bitd@.service: packaging/systemd/bitd@.service.in Makefile
	@$(MKDIR_P) packaging/systemd/system
	$(AM_V_GEN)sed -e 's|@bindir[@]|$(bindir)|' "$(srcdir)/packaging/systemd/bitd@.service.in" >$@

install-completion:
	test "$(bash_completion_dir)" = no || { $(MKDIR_P) "$(DESTDIR)$(bash_completion_dir)" && \
		$(INSTALL_DATA) "$(srcdir)/packaging/completion/bit" "$(DESTDIR)$(bash_completion_dir)/bit" && \
		for other in bitrun bit-launch; do (cd "$(DESTDIR)$(bash_completion_dir)" && rm -f $$other && $(LN_S) bit $$other) || exit 1; done; }
install-units: $(UNITS)
	test "$(systemd_system_dir)" = no || { $(MKDIR_P) "$(DESTDIR)$(systemd_system_dir)" && \
		$(INSTALL_DATA) packaging/systemd/system/*.service "$(DESTDIR)$(systemd_system_dir)"; }
	test "$(systemd_user_dir)" = no || { $(MKDIR_P) "$(DESTDIR)$(systemd_user_dir)" && \
		$(INSTALL_DATA) packaging/systemd/user/*.service "$(DESTDIR)$(systemd_user_dir)"; }
install-data-local: install-completion install-units
uninstall-local: uninstall-packaging
uninstall-packaging:
	cd / && rm -f "$(DESTDIR)$(bash_completion_dir)/bit" "$(DESTDIR)$(bash_completion_dir)/bitrun" \
		"$(DESTDIR)$(bash_completion_dir)/bit-launch" "$(DESTDIR)$(systemd_system_dir)/bit-job@.service" "$(DESTDIR)$(systemd_system_dir)/bitd@.service" \
		"$(DESTDIR)$(systemd_user_dir)/bit-job@.service" "$(DESTDIR)$(systemd_user_dir)/bitd.service"

# Debian packages of this version, in deb/; and a try of them in fresh roots, of both releases or RELEASE=trixie.
deb: dist-xz
	$(srcdir)/packaging/build-deb --out deb $(distdir).tar.xz
check-packages: dist-xz
	failed=0; for release in $(RELEASE); do $(srcdir)/packaging/check $$release $(distdir).tar.xz || failed=1; done; exit $$failed
.PHONY: install-completion install-units uninstall-packaging deb check-packages
