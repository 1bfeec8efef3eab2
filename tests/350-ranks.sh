#!/bin/bash
# The world group and the reducer with 1 to 5 ranks: sums must be those of the tree, computed serially on every rank.
set -u
number=0 bad=0
for ranks in 1 2 3 4 5; do
    number=$((number + 1))
    if timeout 100 $MPIRUN -n $ranks "$top_builddir/tests/comm/ranks"; then
        echo "ok $number - $ranks ranks"
    else
        echo "not ok $number - $ranks ranks"
        bad=1
    fi
done
exit $bad
