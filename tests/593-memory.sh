#!/bin/bash
# A bit that flips in a rank's weights or momentum is found before anything is committed, the rank is named, and the run goes back
# to its last checkpoint, or stops when the job says so; either way it ends with the bits of a run to which nothing happened.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
run 2 "$scratch/tiny.json" --out "$scratch/whole"
ok $? "the run without a fault"
bitrun=$top_builddir/tests/faults/bitrun_points

# ranks, fault, step gone back to, what is said of rank N. A copy of what another rank owns; after the last step, before the save;
# while that is written; together with a number that is not finite.
for case in '2 data:1:4=flip-weight:7 3 rank 1 (host .*) holds other weights than the ranks that own them' \
    '1 snapshot:0:8=flip-momentum:5 6 rank 0 (host .*): the momentum of resnet/' \
    '2 write:1:8=flip-weight:5 6 after step 8: rank 1 (host .*)' \
    '1 data:0:4=flip-momentum:5,forward:0:4=nan 3 step 5: rank 0 (host .*): the momentum of resnet/'; do
    read -r ranks fault step said <<<"$case"
    BIT_TEST_FAULT=$fault run "$ranks" "$scratch/tiny.json" --out "$scratch/$fault"
    ok $? "$ranks rank(s), $fault: the run goes on to its end"
    grep -q "not applied: .*$said" "$scratch/said" && grep -q "went back to the checkpoint of step $step\$" "$scratch/said"
    ok $? "$ranks rank(s), $fault: told \"$said\", back to step $step"
    same "$ranks rank(s), $fault: the weights of the run without it" "$(hash "$scratch/$fault")" "$(hash "$scratch/whole")"
    same "$ranks rank(s), $fault: the losses of the run without it" "$(losses "$scratch/$fault")" "$(losses "$scratch/whole")"
    same "$ranks rank(s), $fault: the outcome counts a rollback" "$(value "$scratch/$fault/outcome.json" rollbacks)" 1
done

BIT_TEST_FAULT=backward:1:4=flip-momentum:1 fails 74 2 "$scratch/tiny.json" --out "$scratch/stop" --set checks.memory=stop
ok $? "with checks.memory \"stop\" the run stops"
grep -q 'step 5: rank 1 (host .*): the momentum of resnet/' "$scratch/stop/outcome.json"
ok $? "checks.memory \"stop\": the outcome says why"
run 2 "$scratch/tiny.json" --out "$scratch/stop"
ok $? "checks.memory \"stop\": the same command resumes"
same "checks.memory \"stop\", resumed: the weights of the run without a fault" "$(hash "$scratch/stop")" "$(hash "$scratch/whole")"
exit $bad
