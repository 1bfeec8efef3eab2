#!/bin/bash
# The world group and the reducer with 1 to 5 ranks: sums must be those of the tree, computed serially on every rank.
. "$(dirname "$0")/lib.sh"
for ranks in 1 2 3 4 5; do
    mpi 120 $ranks "$top_builddir/tests/comm/ranks"
    ok $? "$ranks ranks"
done
exit $bad
