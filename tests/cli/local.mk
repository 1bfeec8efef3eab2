cli_scripts = tests/100-check.sh tests/101-plan.sh tests/102-jobs.sh tests/103-plot.sh tests/104-man.sh tests/105-memory.sh tests/106-predict.sh \
	tests/107-bench-io.sh tests/108-report.sh tests/109-compose.sh tests/113-thumbnail.sh
TESTS += $(cli_scripts)
EXTRA_DIST += $(cli_scripts)
