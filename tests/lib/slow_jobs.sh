# For tests of bitd with jobs that can be met before they end (tests/lib.sh: needs launch bitd slow_jobs): a tenth of a second a step, and small.json, of
# 24 steps with a checkpoint every four. What is left in the end goes with the daemon, unless a script has its own clean_up.
# shellcheck shell=bash disable=SC2034
clean_up() { end_daemons; }
pausable bin
export BIT_BIN=$scratch/bin BIT_TEST_FAULT=$slowly
small_job small.json '"seed": 7'
