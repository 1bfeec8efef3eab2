#!/bin/bash
# The reduction's benchmark: correct sums, and its last line is the figure.
set -u
out=$(timeout 60 $MPIRUN -n 2 "$top_builddir/tests/comm/bench_reduce" 300000 65536 3 0.05) || { echo "not ok 1 - bench"; exit 1; }
echo "$out" | sed 's/^/# /'
status=0
if grep -q '^sums: correct$' <<< "$out"; then echo "ok 1 - sums are correct"; else echo "not ok 1 - sums"; status=1; fi
if tail -n 1 <<< "$out" | grep -Eq '^GB/s: [0-9.]+$'; then echo "ok 2 - last line"; else echo "not ok 2 - last line"; status=1; fi
if timeout 60 $MPIRUN -n 1 "$top_builddir/tests/comm/bench_reduce" 300000 2> /dev/null; then
    echo "not ok 3 - one rank has nothing to reduce"; status=1
else
    echo "ok 3 - one rank is refused"
fi
exit $status
