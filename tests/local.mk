# The environment of every test. Programs lie in $top_builddir, sources and data in $top_srcdir (both absolute); MPIRUN is
# the mpirun of the MPI that the programs were linked with (MPI_KIND: openmpi or mpich). Scripts are bash and end in .sh;
# they begin with tests/lib.sh, whose functions judge, and exit with 77 to be skipped.
TEST_LIBS = $(CUNIT_LIBS)
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash
LOG_DRIVER = bash $(top_srcdir)/tests/driver
SH_LOG_DRIVER = $(LOG_DRIVER)

AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	MPIRUN='$(MPIRUN)'; export MPIRUN; \
	MPI_KIND='$(MPI_KIND)'; export MPI_KIND; \
	. '$(abs_top_srcdir)/tests/environment.sh';

# `make check` for people, `make check-count` for a line "N passed, N failed, N skipped" at the end (tests/run).
TEST_LIBRARY = tests/lib.sh tests/environment.sh tests/lib/bitd.sh tests/lib/bitrun.sh tests/lib/browser.sh tests/lib/cli.sh tests/lib/launch.sh tests/lib/record.sh tests/lib/slow_jobs.sh
EXTRA_DIST += tests/run tests/driver tests/each-rank tests/unit.h tests/lsan.supp
list-tests:
	@echo $(TESTS)
list-fast-tests:
	@for t in $(TESTS) $(FAST_TESTS); do case " $(SLOW_TESTS) $$t" in *" $$t "*) continue ;; esac; \
		case $$t in *.sh) case " $(FAST_TESTS) " in *" $$t "*) ;; *) continue ;; esac ;; esac; echo $$t; done | sort -u
# For tests/909-floors.sh: a program's objects, and what it is linked with.
list-links:
	@echo bit $(bit_OBJECTS) $(bit_LDADD)
	@echo bitrun $(bitrun_OBJECTS) $(bitrun_LDADD)
	@test -z '$(bitd_OBJECTS)' || echo bitd $(bitd_OBJECTS) $(bitd_LDADD)
list-programs:
	@echo $(check_PROGRAMS)
check-count:
	$(srcdir)/tests/run .
# Below a minute on two cores: the unit tests but the largest, and the scripts that start next to no ranks.
SLOW_TESTS = tests/model/test_taps_memory
FAST_TESTS = tests/100-check.sh tests/101-plan.sh tests/102-jobs.sh tests/103-plot.sh tests/104-man.sh tests/402-bit-ckpt.sh \
	tests/500-ranks.sh tests/900-digits.sh tests/908-library.sh tests/913-mpirun.sh
check-fast:
	$(srcdir)/tests/run . fast
.PHONY: list-tests list-fast-tests list-programs list-links check-count check-fast

LAUNCHER_TESTS = tests/942-bitd-slurm.sh tests/943-bitd-hosts.sh tests/944-bitd-rebuild.sh tests/945-bitd-retention.sh tests/900-digits.sh tests/903-completion.sh tests/904-packaging.sh tests/905-install.sh tests/906-scripts.sh tests/907-dist.sh tests/908-library.sh tests/909-floors.sh tests/910-bit-launch.sh \
	tests/911-bit-launch-faults.sh tests/912-start-environment.sh tests/913-mpirun.sh tests/914-restarts.sh tests/915-held-folders.sh tests/916-lost-signals.sh \
	tests/930-keeper.sh tests/940-bitd.sh tests/941-bitd-hostile.sh tests/942-sweep.sh tests/943-metrics.sh tests/950-page.sh \
	tests/920-slurm.sh
TESTS += $(LAUNCHER_TESTS)
EXTRA_DIST += $(LAUNCHER_TESTS) $(TEST_LIBRARY)

# bit against its peers, in runs of both side by side: not a test that passes or fails, needs PyTorch and a quiet machine.
# make check-speed SPEED="--pairs 3 step-float32 decode my-images" for a choice.
SPEED = step-float32 step-bfloat16 step-openblas small-float32 small-bfloat16 wide-float32 wide-bfloat16 tune-float32 eval-float32 eval-bfloat16
check-speed: bit$(EXEEXT)
	$(srcdir)/tests/speed/compare --build . $(SPEED)
.PHONY: check-speed

# Fine-tuning beside PyTorch's: losses and accuracy. Some minutes of one core; SEEDS="1 2 3".
check-accuracy: bit$(EXEEXT) bitrun$(EXEEXT)
	SEEDS="$(SEEDS)" BUILD=. $(srcdir)/tests/accuracy/finetune.sh
.PHONY: check-accuracy
EXTRA_DIST += tests/accuracy/finetune.sh tests/accuracy/torch_finetune.py
EXTRA_DIST += tests/speed/compare tests/speed/torch_common.py tests/speed/torch_decode.py tests/speed/torch_detect.py tests/speed/torch_step.py
