#!/bin/bash
# Golden cases: every backend that is built in agrees with an independent implementation; one of them over all steps, the others
# over the first three at most, and the reference over one: what comes after the first update is common to all of them.
# BIT_EMULATOR (tests/arm): what runs a program of another processor.
. "$(dirname "$0")/lib.sh"
golden() { ${BIT_EMULATOR:-} "$top_builddir/tests/golden/golden_step" "$@"; }
run() { # NAME ARGUMENT...
    local name=$1
    shift
    golden "$@" >said 2>&1
    ok $? "$name"
}
backends="openblas"
golden "$top_srcdir/tests/golden/r14x1-gn-plain.json" --backend onednn --steps 1 >/dev/null 2>&1
[ $? -lt 64 ] && backends="onednn $backends"
steps=100 other=3
[ -z "${BIT_EMULATOR:-}" ] || steps=1 other=1 # a step takes minutes there
for backend in $backends; do
    for case in r14x1-softmax r14x1-sigmoid r14x1-odd r14x1-gn-plain r14x1-bn-ws r14x1-bn-plain r14x2-softmax; do
        run "$case, $backend" "$top_srcdir/tests/golden/$case.json" --backend "$backend" --threads 2 --steps $steps
    done
    # one thread: its images go through the first block one by one
    run "r50x1-softmax, $backend" "$top_srcdir/tests/golden/r50x1-softmax.json" --backend "$backend" --threads 1 --steps $steps
    # Judged are its first loss and gradients.
    run "r14x1-softmax, $backend, bfloat16" "$top_srcdir/tests/golden/r14x1-softmax.json" --backend "$backend" \
        --precision bfloat16 --steps 1
    steps=$other
done
run "r14x1-odd, reference" "$top_srcdir/tests/golden/r14x1-odd.json" --backend reference --threads 2 --steps 1
run "micro-batches add up" "$top_srcdir/tests/golden/r14x1-softmax.json" --backend openblas --micro-batch 2 --steps 2
exit $bad
