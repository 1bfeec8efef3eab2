#!/bin/bash
# bitd's pure core in simulated worlds that kill it at any commit (make check-simulation: a million events).
. "$(dirname "$0")/lib.sh"
for seed in 1 2 3 4; do
    "$top_builddir/tests/daemon/simulate" --events 50000 --seed $seed >said 2>&1
    ok $? "50,000 events of world $seed: no job lost, doubled or disturbed"
done
exit $bad
