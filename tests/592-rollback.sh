#!/bin/bash
# A number that is not finite on one rank, with checks.nonfinite "rollback": all ranks load the last checkpoint and go on; the end
# has the bits of a run without the fault. The same failure again, too many of them, or no checkpoint: stopped, and why.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
run 2 "$scratch/tiny.json" --out "$scratch/whole"
ok $? "the run without a fault"
bitrun=$top_builddir/tests/faults/bitrun_points
back="--set checks.nonfinite=rollback"

# ranks, fault, step gone back to. After 3 and 6 steps a generation is still being written.
for case in '1 forward:0:5=nan 3' '2 forward:1:3=nan 3' '4 forward:3:7=nan 6'; do
    read -r ranks fault step <<< "$case"
    # shellcheck disable=SC2086
    BIT_TEST_FAULT=$fault run "$ranks" "$scratch/tiny.json" --out "$scratch/back-$ranks" $back
    ok $? "$ranks rank(s), $fault: the run goes on to its end"
    grep -q "went back to the checkpoint of step $step\$" "$scratch/said"
    ok $? "$ranks rank(s), $fault: it goes back to step $step"
    same "$ranks rank(s), $fault: it ends with the weights of the run without it" "$(hash "$scratch/back-$ranks")" "$(hash "$scratch/whole")"
    same "$ranks rank(s), $fault: each step's line once, with the losses of the run without it" "$(losses "$scratch/back-$ranks")" "$(losses "$scratch/whole")"
    [ "$(grep -c "^{\"kind\":\"rollback\",\"step\":$step,\"failed_step\":" "$scratch/back-$ranks/metrics.jsonl")" = 1 ]
    ok $? "$ranks rank(s), $fault: one line about the rollback"
done

# Batch norm: its running statistics go back, too; evaluations show them.
batch="--set model.norm=batch"
# shellcheck disable=SC2086
bitrun=$top_builddir/bitrun run 2 "$scratch/tiny.json" --out "$scratch/batch" $batch
ok $? "batch norm, without a fault"
# shellcheck disable=SC2086
BIT_TEST_FAULT=forward:1:6=nan run 2 "$scratch/tiny.json" --out "$scratch/batch-back" $batch $back
ok $? "batch norm: the run goes on to its end"
grep -q 'went back to the checkpoint of step 6$' "$scratch/said"
ok $? "batch norm: it goes back to step 6"
same "batch norm: it ends with the weights of the run without the fault" "$(hash "$scratch/batch-back")" "$(hash "$scratch/batch")"
same "batch norm: losses and evaluations are those of the run without the fault" "$(losses "$scratch/batch-back")" "$(losses "$scratch/batch")"
same "batch norm: the outcome counts one rollback" "$(value "$scratch/batch-back/outcome.json" rollbacks)" 1

twice=forward:3:5=nan,forward:2:5=nan:2
# shellcheck disable=SC2086
BIT_TEST_FAULT=$twice run 4 "$scratch/tiny.json" --out "$scratch/twice" $back
ok $? "two failures of the same step are gone back from"
same "two failures of the same step: the weights of the run without a fault" "$(hash "$scratch/twice")" "$(hash "$scratch/whole")"
# shellcheck disable=SC2086
BIT_TEST_FAULT=$twice fails 65 4 "$scratch/tiny.json" --out "$scratch/limit" $back --set checks.rollback_limit=1
ok $? "beyond checks.rollback_limit the run stops"
grep -q 'rolled back 1 times in a row without getting past step 6, checks.rollback_limit is 1' "$scratch/said"
ok $? "beyond checks.rollback_limit: the key and the step are told"
# shellcheck disable=SC2086
BIT_TEST_FAULT=forward:1:5=nan,forward:1:5=nan:3 fails 65 2 "$scratch/tiny.json" --out "$scratch/again" $back
ok $? "the same failure with the same bits stops the run"
grep -q 'failed again with the same bits .* rolling back cannot help: step 6: the ' "$scratch/said"
ok $? "the same failure: told that rolling back cannot help"
# shellcheck disable=SC2086
run 2 "$scratch/tiny.json" --out "$scratch/again" $back
ok $? "stopped by the same failure, the same command resumes"
same "stopped by the same failure and resumed: the weights of the run without a fault" "$(hash "$scratch/again")" "$(hash "$scratch/whole")"
# shellcheck disable=SC2086
BIT_TEST_FAULT=forward:0:1=nan fails 65 2 "$scratch/tiny.json" --out "$scratch/none" $back
ok $? "a failure before the first checkpoint stops the run"
grep -q 'there is no checkpoint to go back to' "$scratch/said"
ok $? "a failure before the first checkpoint: told that there is none"
exit $bad
