#!/bin/bash
# Signals: USR1 saves and goes on; USR2 and TERM save and stop; a killed rank loses the steps since the last generation only.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/long.json" 30
nothing="--set checkpoint.every_steps=0 --set checkpoint.every_minutes=0 --set evaluation.every_steps=0"

# shellcheck disable=SC2086
run 2 "$scratch/long.json" --out "$scratch/whole" $nothing
ok $? "the uninterrupted run"

# start RANKS RUN: in the background, until some steps are done; a tenth of a second at the end of each, to be met before the end
slow=$top_builddir/tests/faults/bitrun_points
start() {
    # shellcheck disable=SC2086
    BIT_TEST_FAULT=update=pause:0.1 $MPIRUN -n "$1" "$slow" "$scratch/long.json" --out "$scratch/$2" $nothing > "$scratch/said-$2" 2>&1 &
    launcher=$!
    wait_for 60 grep -q 'step 1/' "$scratch/said-$2" && sleep 0.5
}
ranks_of() { pgrep -f "^$slow .*--out $scratch/$1 "; }
generations() { find "$scratch/$1/checkpoints" -maxdepth 1 -name 'step-*' 2>/dev/null | wc -l; }
has_generation() { [ "$(generations "$1")" -ge 1 ]; }

start 2 usr1
if [ "$MPI_KIND" = openmpi ]; then kill -USR1 $launcher; else kill -USR1 "$(ranks_of usr1 | tail -n 1)"; fi
wait_for 30 has_generation usr1
ok $? "USR1 makes a checkpoint"
wait $launcher
ok $? "after USR1 the run goes on to the end"
same "after USR1 the weights are the uninterrupted run's" "$(hash "$scratch/usr1")" "$(hash "$scratch/whole")"

# To a single rank, so that all others have to learn of it.
for signal in USR2 TERM; do
    start 4 $signal
    kill -$signal "$(ranks_of $signal | tail -n 1)"
    wait $launcher
    same "$signal to one of 4 ranks ends the run with exit 75" $? 75
    grep -q 'checkpoint at step' "$scratch/said-$signal" && [ "$(generations $signal)" = 1 ]
    ok $? "$signal: one checkpoint is written before the end"
    same "$signal: the outcome's state is \"stopped\"" "$(value "$scratch/$signal/outcome.json" state)" '"stopped"'
    same "$signal: the outcome names the signal, which rank 0 did not get" "$(value "$scratch/$signal/outcome.json" signal)" "\"$signal\""
    # shellcheck disable=SC2086
    run 2 "$scratch/long.json" --out "$scratch/$signal" $nothing
    ok $? "$signal: 2 ranks resume it"
    same "$signal: resumed, it ends with the uninterrupted run's weights" "$(hash "$scratch/$signal")" "$(hash "$scratch/whole")"
    same "$signal: resumed, it has the uninterrupted run's losses" "$(losses "$scratch/$signal")" "$(losses "$scratch/whole")"
done

nothing="--set checkpoint.every_steps=5 --set checkpoint.every_minutes=0 --set evaluation.every_steps=0"
start 2 kill
wait_for 30 has_generation kill
kill -KILL "$(ranks_of kill | tail -n 1)"
! wait $launcher
ok $? "a killed rank ends the run"
same "a killed rank: the outcome still says running" "$(value "$scratch/kill/outcome.json" state)" '"running"'
# shellcheck disable=SC2086
run 4 "$scratch/long.json" --out "$scratch/kill" $nothing
ok $? "a killed rank: 4 ranks resume the run"
grep -q 'resumed at step' "$scratch/said"
ok $? "a killed rank: the run goes on from its last generation"
same "a killed rank: resumed, the run ends with the uninterrupted run's weights" "$(hash "$scratch/kill")" "$(hash "$scratch/whole")"
same "a killed rank: resumed, the run has the uninterrupted run's losses" "$(losses "$scratch/kill")" "$(losses "$scratch/whole")"
exit $bad
