#!/bin/bash
# A rank that is slower than the others is reported within 50 steps and not ended; equal ones are not.
# Alone: it judges how fast ranks are.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 44
BIT_TEST_FAULT=any:1:5=slow:${SLOW_FACTOR:-4} timeout -k 5 300 $MPIRUN -n 2 "$top_builddir/tests/faults/bitrun_points" "$scratch/tiny.json" \
    --out "$scratch/slow" --set data.size=32 --set data.resize=32 \
    --set evaluation.every_steps=0 --set checkpoint.every_steps=0 >"$scratch/said" 2>&1
ok $? "a run with a slow rank goes on to its end"
grep -q 'warning: step [0-9]*: rank 1 holds up the run' "$scratch/said"
ok $? "a slow rank: the log names it"
grep -q '^{"kind":"slow","step":[0-9]*,"rank":1,"factor":[0-9.]*}$' "$scratch/slow/metrics.jsonl"
ok $? "a slow rank: the metrics name it"
! grep 'holds up the run' "$scratch/said" | grep -v 'rank 1 ' | grep -q . && ! grep '"kind":"slow"' "$scratch/slow/metrics.jsonl" | grep -v '"rank":1,' | grep -q .
ok $? "a slow rank: nobody else is named"
[ $bad = 0 ] || sed 's/^/# /' "$scratch/said"
exit $bad
