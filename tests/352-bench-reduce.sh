#!/bin/bash
# The reduction's benchmark: correct sums, and its last line is the figure.
set -u
. "$top_srcdir/tests/ok.sh"
. "$top_srcdir/tests/mpi.sh"
out=$(mpi 60 2 "$top_builddir/tests/comm/bench_reduce" 300000 65536 3 0.05)
ok $? "two ranks measure"
sed 's/^/# /' <<< "$out"
grep -q '^sums: correct$' <<< "$out"
ok $? "sums are correct"
tail -n 1 <<< "$out" | grep -Eq '^GB/s: [0-9.]+$'
ok $? "the last line is the figure"
! mpi 60 1 "$top_builddir/tests/comm/bench_reduce" 300000 2> /dev/null
ok $? "one rank has nothing to reduce"
exit $bad
