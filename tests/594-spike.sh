#!/bin/bash
# A loss that jumps, and stays finite: logged, skipped, rolled back or stopped for, as the job says; a run that was interrupted judges as
# one that was not.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 14
bitrun=$top_builddir/tests/faults/bitrun_points
few="--set evaluation.every_steps=0 --set checkpoint.every_steps=6"
jump=forward:1:11=jump:1e6
# policy NAME ARGUMENT...: $few and $jump with this policy, into the folder NAME
policy() {
    local name=$1
    shift
    # shellcheck disable=SC2086
    BIT_TEST_FAULT=$jump run 2 "$scratch/tiny.json" --out "$scratch/$name" $few --set checks.loss_spike_policy="$name" "$@"
}
# lines NAME: the losses alone
lines() { losses "$scratch/$1" | grep '^step'; }

# shellcheck disable=SC2086
run 2 "$scratch/tiny.json" --out "$scratch/whole" $few
ok $? "the run without a fault"
policy log
ok $? "log: the run goes on to its end"
grep -q '^{"kind":"spike","step":12,"loss":[0-9.e+]*,"limit":[0-9.]*}$' "$scratch/log/metrics.jsonl" && grep -q 'step 12: the loss jumped to' "$scratch/said"
ok $? "metrics and log name the step"
policy rollback
ok $? "rollback: the run goes on to its end"
same "rollback: the weights of the run without a fault" "$(hash "$scratch/rollback")" "$(hash "$scratch/whole")"
same "rollback: the losses of the run without a fault" "$(lines rollback)" "$(lines whole)"
policy skip
ok $? "skip: the run goes on to its end"
same "skip: one step was not applied" "$(sed -n 's/^{"kind":"step","step":\([0-9]*\),.*"applied":false.*/\1/p' "$scratch/skip/metrics.jsonl")" 12
mv "$scratch/skip" "$scratch/straight"
policy skip --steps-limit 10
policy skip
ok $? "skip: interrupted before the jump, it goes on"
same "skip, interrupted: the losses of the run that was not" "$(lines skip)" "$(lines straight)"
same "skip, interrupted: the weights of the run that was not" "$(hash "$scratch/skip")" "$(hash "$scratch/straight")"
exit $bad
