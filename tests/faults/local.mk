# The fault campaign (docs/RELIABILITY.md): helpers in C, the rows in bash.
check_PROGRAMS += tests/faults/bitrun_points tests/faults/decode tests/faults/ledger tests/faults/preload.so tests/faults/rank
tests_faults_bitrun_points_SOURCES = $(BITRUN_SOURCES) tests/faults/points.c tests/faults/points.h
tests_faults_bitrun_points_CPPFLAGS = $(AM_CPPFLAGS) -DBIT_TEST_POINTS
tests_faults_bitrun_points_LDADD = $(RUN_LIBS) libstore_points.a $(RUN_MORE_LIBS)
tests_faults_decode_SOURCES = tests/faults/decode.c
tests_faults_decode_LDADD = $(DATA_LIBS) $(BASE_LIBS)
tests_faults_ledger_SOURCES = tests/faults/ledger.c
tests_faults_rank_SOURCES = tests/faults/rank.c
tests_faults_preload_so_SOURCES = tests/faults/preload.c
tests_faults_preload_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_faults_preload_so_LDFLAGS = -shared
tests_faults_preload_so_LDADD = -ldl

FAULT_ROW_FILES = tests/faults/row-allbad.sh tests/faults/row-errors.sh tests/faults/row-flips.sh \
	tests/faults/row-gradients.sh tests/faults/row-hang.sh tests/faults/row-hosts.sh tests/faults/row-images.sh \
	tests/faults/row-jobs.sh tests/faults/row-kill.sh tests/faults/row-memory.sh tests/faults/row-points.sh tests/faults/row-resume.sh \
	tests/faults/row-signals.sh tests/faults/row-slow.sh tests/faults/row-soak.sh tests/faults/row-space.sh
TESTS += tests/610-faults.sh tests/620-hosts.sh
EXTRA_DIST += docs/RELIABILITY.md tests/610-faults.sh tests/620-hosts.sh tests/faults/campaign tests/faults/damage.sh tests/faults/library.sh tests/faults/prepare.sh $(FAULT_ROW_FILES)

# The long campaign; goes on where it was interrupted. FAULTS='--rows kill --trials 50' and the like.
check-faults: all $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) "$(srcdir)/tests/faults/campaign" $(FAULTS)
.PHONY: check-faults
