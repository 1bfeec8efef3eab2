# The environment of every test. Programs lie in $top_builddir, sources and data in $top_srcdir (both absolute); MPIRUN is
# the mpirun of the MPI that the programs were linked with (MPI_KIND: openmpi or mpich). Scripts are bash and end in .sh;
# they use: $MPIRUN -n 2 "$top_builddir/bitrun" ..., exit 77 to be skipped and, where they check several things, print
# "ok N - what" or "not ok N - what" lines, which tests/run counts.
TEST_LIBS = $(CUNIT_LIBS)
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash
LOG_DRIVER = bash $(top_srcdir)/tests/driver
SH_LOG_DRIVER = $(LOG_DRIVER)

# Machines with few cores, containers, root: more ranks than cores must work, and idle ranks and threads must give way. OMPI_MCA_ of
# mapping and binding is for Open MPI 4.1, PRTE_MCA_ for 5, whose mpirun is PRRTE's.
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	MPIRUN='$(MPIRUN)'; export MPIRUN; \
	MPI_KIND='$(MPI_KIND)'; export MPI_KIND; \
	OMPI_ALLOW_RUN_AS_ROOT=1; export OMPI_ALLOW_RUN_AS_ROOT; \
	OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM; \
	OMPI_MCA_rmaps_base_oversubscribe=1; export OMPI_MCA_rmaps_base_oversubscribe; \
	OMPI_MCA_mpi_yield_when_idle=1; export OMPI_MCA_mpi_yield_when_idle; \
	OMPI_MCA_hwloc_base_binding_policy=none; export OMPI_MCA_hwloc_base_binding_policy; \
	PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe; export PRTE_MCA_rmaps_default_mapping_policy; \
	PRTE_MCA_hwloc_default_binding_policy=none; export PRTE_MCA_hwloc_default_binding_policy; \
	OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY; \
	ASAN_OPTIONS="allocator_may_return_null=1:$$ASAN_OPTIONS"; export ASAN_OPTIONS; \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/tests/lsan.supp:print_suppressions=0'; export LSAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS; \
	LC_ALL=C; export LC_ALL;

# `make check` for people, `make check-count` for a line "N passed, N failed, N skipped" at the end (tests/run).
EXTRA_DIST += tests/run tests/driver tests/each-rank tests/unit.h tests/lsan.supp
list-tests:
	@echo $(TESTS)
list-programs:
	@echo $(check_PROGRAMS)
check-count:
	$(srcdir)/tests/run .
.PHONY: list-tests list-programs check-count

LAUNCHER_TESTS = tests/900-digits.sh tests/905-install.sh tests/906-scripts.sh tests/907-dist.sh tests/910-bit-launch.sh \
	tests/911-bit-launch-faults.sh tests/912-start-environment.sh tests/913-mpirun.sh \
	tests/920-slurm.sh
TESTS += $(LAUNCHER_TESTS)
EXTRA_DIST += $(LAUNCHER_TESTS) tests/ok.sh

# bit against its peers, in runs of both side by side: not a test that passes or fails, needs PyTorch and a quiet machine.
# make check-speed SPEED="--pairs 3 step-float32 decode my-images" for a choice.
SPEED = step-float32 step-bfloat16 step-openblas small-float32 small-bfloat16 wide-bfloat16
check-speed: bit$(EXEEXT)
	$(srcdir)/tests/speed/compare --build . $(SPEED)
.PHONY: check-speed
EXTRA_DIST += tests/speed/compare tests/speed/torch_decode.py tests/speed/torch_step.py
