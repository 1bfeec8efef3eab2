#!/bin/bash
# One of two ranks runs out of memory, anywhere: both end, with exit 74 and the reason, and nobody waits for ever.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 2
failed=0
for n in 3 60 200 270 300 320 340 355 370 385; do
    rm -rf "$scratch/run"
    timeout -k 5 60 $MPIRUN -n 2 "$top_srcdir/tests/each-rank" "$bitrun" "$scratch/tiny.json" --out "$scratch/run" --set checkpoint.every_steps=1 --quiet \
        // env BIT_TEST_FAIL_ALLOCATION=$n "$bitrun" "$scratch/tiny.json" --out "$scratch/run" \
        --set checkpoint.every_steps=1 --quiet > "$scratch/said" 2>&1
    code=$?
    # What fails in an image decoded ahead and never used does not end the run.
    [ $code = 0 ] || { [ $code = 74 ] && grep -q 'out of memory' "$scratch/said" && failed=$((failed + 1)); }
    ok $? "allocation $n fails: exit $code"
done
[ $failed -ge 6 ]
ok $? "most of them were needed ($failed)"
exit $bad
