# What starts things: bit-launch is installed; quickstart, check and what they share belong to a checkout.
dist_bin_SCRIPTS += launcher/bit-launch
# bit-launch finds its parts relative to itself, whatever --datadir says.
launchdir = $(bindir)/../share/bit/launch
dist_launch_DATA = launcher/lib/attempt.sh launcher/lib/command.sh launcher/lib/hosts.sh launcher/lib/mpi.sh launcher/lib/programs.sh launcher/lib/restart.sh launcher/lib/signals.sh launcher/lib/slurm.sh launcher/lib/surroundings.sh
dist_man_MANS += man/bit-launch.1
EXTRA_DIST += .dockerignore .editorconfig CONTRIBUTING.md launcher/quickstart launcher/check launcher/install-dependencies launcher/setup.sh .ci/run CHANGES \
	docker/Dockerfile docker/compose.yaml docker/slurm.conf docker/start docs/METRICS.md docs/PERFORMANCE.md README.md

# The same tests in other builds, each in a folder of its own below this one. Every one ends in tests/run's line.
check-sanitizers:
	$(srcdir)/tests/variant sanitizers --enable-sanitizers --enable-werror
check-mpich:
	$(srcdir)/tests/variant mpich MPICC=mpicc.mpich MPIRUN=mpirun.mpich --enable-werror
check-clang:
	$(srcdir)/tests/variant clang CC=clang --enable-werror
# The CUnit programs under valgrind's memcheck, one by one.
check-valgrind: all
	$(srcdir)/tests/valgrind .
# Both commands of the README in fresh Debians (needs mmdebstrap and root): both releases, or RELEASE=trixie; BARE='--as user' and the like.
RELEASE = bookworm trixie
check-bare:
	RELEASE='$(RELEASE)' $(srcdir)/tests/bare $(BARE)
# Cross-built for AArch64 in arm/, run under qemu-user.
check-arm:
	$(srcdir)/tests/arm arm
# All that Slurm does to a run, with the real daemons (needs root and Slurm): SLURM='--trials 5 node hang:srun' and the like.
check-slurm: all $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) "$(srcdir)/tests/slurm/scenarios" $(SLURM)
.PHONY: check-sanitizers check-mpich check-clang check-valgrind check-bare check-arm check-slurm
EXTRA_DIST += tests/variant tests/valgrind tests/valgrind.supp tests/arm tests/bare tests/roots.sh tests/lab/slurm tests/slurm/happenings.sh tests/slurm/scenarios
