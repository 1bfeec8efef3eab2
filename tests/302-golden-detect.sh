#!/bin/bash
# Golden cases of detection: pyramid, outputs, losses, matches, gradients and weights agree with an independent implementation on every
# backend that is built in; micro-batches add up; bfloat16 is as near as it can be.
. "$(dirname "$0")/lib.sh"
run() { # NAME ARGUMENT...
    local name=$1 case=$2
    shift 2
    ${BIT_EMULATOR:-} "$top_builddir/tests/golden/golden_detect" "$top_srcdir/tests/golden/detection/retinanet-$case.json" "$@" >said 2>&1
    ok $? "$name"
}
for case in r14x1-activation-gn r14x1-sum-plain r14x1-hard-gn; do
    run "$case" "$case" --threads 2
    run "$case, openblas, images one by one" "$case" --backend openblas --micro-batch 1
    run "$case, bfloat16" "$case" --precision bfloat16 --threads 2
done
run "reference" r14x1-activation-gn --backend reference --threads 2 --steps 1
exit $bad
