#!/bin/bash
# Checkpoints written beside training: steps go on meanwhile, nothing changes in the results, and what is killed, stopped or out
# of disk in the middle of it leaves the generation before.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 10
every="--set checkpoint.every_steps=3 --set checkpoint.keep=9 --set evaluation.every_steps=0"
bit=$top_builddir/bit
generations() { find "$scratch/$1/checkpoints" -mindepth 1 -maxdepth 1 -name 'step-*' -printf '%f\n' | sort; }

# shellcheck disable=SC2086
run 2 "$scratch/tiny.json" --out "$scratch/still" $every --set checkpoint.background=false
ok $? "a run that stands still for its checkpoints"
! grep -q 'beside training' "$scratch/said"
ok $? "a run that stands still says nothing of writing beside training"

# Held up for a second at one rank: the other steps do not wait, but the next generation does.
bitrun=$top_builddir/tests/bitrun/bitrun_points
# shellcheck disable=SC2086
BIT_TEST_WAIT_AT=shard_half:1:3 run 2 "$scratch/tiny.json" --out "$scratch/beside" $every
ok $? "a run that writes beside training, with a slow disk at one of 2 ranks"
awk '/step 10\/10/ { beside = 1 } /checkpoint at step 9 .* beside training/ { good = beside } END { exit !good }' "$scratch/said"
ok $? "steps go on while it writes"
same "writing beside training leaves the same weights" "$(hash "$scratch/beside")" "$(hash "$scratch/still")"
for step in 03 06 09 10; do
    same "writing beside training leaves the same generation of step $step" "$("$bit" ckpt hash "$scratch/beside/checkpoints/step-0000000000$step")" \
        "$("$bit" ckpt hash "$scratch/still/checkpoints/step-0000000000$step")"
done
"$bit" ckpt verify "$scratch/beside" > /dev/null
ok $? "all generations written beside training are whole"

# Killed in the writing thread: the generation before stands, and what the run did after it is repeated bit for bit.
for place in shard_half:1 manifest_written:0; do
    # shellcheck disable=SC2086
    BIT_TEST_KILL_AT=$place:2 timeout 60 $MPIRUN -n 2 "$bitrun" "$scratch/tiny.json" --out "$scratch/$place" $every > "$scratch/said" 2>&1
    [ $? != 0 ] && [ "$(generations "$place")" = step-000000000003 ]
    ok $? "killed at $place of the second generation, the first stands"
    # shellcheck disable=SC2086
    run 1 "$scratch/tiny.json" --out "$scratch/$place" $every
    ok $? "killed at $place, resumed on one rank"
    same "killed at $place, resumed: the same weights" "$(hash "$scratch/$place")" "$(hash "$scratch/still")"
    [ -z "$(find "$scratch/$place/checkpoints" -name '.tmp*')" ]
    ok $? "killed at $place, resumed: nothing is left of the killed writer"
done

# A request to stop waits for the generation in the making and then for its own.
# shellcheck disable=SC2086
BIT_TEST_WAIT_AT=shard_half:1:1 run 2 "$scratch/tiny.json" --out "$scratch/stopped" $every --steps-limit 4
same "stopped while a generation is written: exit 75" $? 75
same "stopped while a generation is written: it and the last are there" "$(generations stopped)" $'step-000000000003\nstep-000000000004'

# The disk is full: a typed failure of all ranks, the generation before stands. Needs root for a small file system.
mkdir "$scratch/small"
if mount -t tmpfs -o size=6m none "$scratch/small" 2> /dev/null; then
    clean_up() { umount "$scratch/small"; }
    # shellcheck disable=SC2086
    fails 74 2 "$scratch/tiny.json" --out "$scratch/small/run" $every
    ok $? "a disk that is full: exit 74"
    grep -q 'No space left on device' "$scratch/said"
    ok $? "a disk that is full: told why"
    same "a disk that is full: the generation before stands" "$(ls -A "$scratch/small/run/checkpoints")" $'.lock\nnewest\nstep-000000000003'
    same "a disk that is full: the outcome names the generation before" "$(value "$scratch/small/run/outcome.json" checkpoint_step)" 3
fi
exit $bad
