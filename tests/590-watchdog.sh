#!/bin/bash
# A rank that loops, is stopped, hangs in a read or never begins is found in time, named with its phase, and the run ends and resumes.
# WATCHDOG_TRIALS="PHASE:RANK:STEP=ACTION ..." tries others; each takes about eight seconds, three at a time.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 12
limits="--set watchdog.step_seconds=3 --set watchdog.data_seconds=3 --set watchdog.checkpoint_seconds=3 --set watchdog.start_seconds=8"
run 2 "$scratch/tiny.json" --out "$scratch/whole"
ok $? "the run without a fault"

# One trial; its verdict goes to NAME.ok, what it saw to NAME.said.
try() { # NAME FAULT
    local dir=$scratch/$1 fault=$2 place=${2%%=*} rank phase limit=3 code seconds
    phase=${place%%:*} rank=${place#*:} rank=${rank%%:*}
    case $phase in index | resume) limit=8 ;; esac
    # shellcheck disable=SC2086
    BIT_TEST_FAULT=$fault timeout -k 5 90 $MPIRUN -n 2 "$top_builddir/tests/faults/bitrun_points" "$scratch/tiny.json" --out "$dir" $limits \
        >"$dir.said" 2>&1
    code=$?
    seconds=$(value "$dir/outcome.json" late_seconds)
    {
        echo "$fault: exit code $code"
        cat "$dir/outcome.json"
        pgrep -af -- "--out $dir "
    } >>"$dir.said"
    [ $code = 76 ] && [ "$(value "$dir/outcome.json" state)" = '"failed"' ] && [ "$(value "$dir/outcome.json" reason)" = '"late"' ] &&
        [ "$(value "$dir/outcome.json" late_rank)" = "$rank" ] && [ "$(value "$dir/outcome.json" late_phase)" = "\"$phase\"" ] &&
        [ "${seconds%%.*}" -lt $((limit + 5)) ] && grep -q "rank $rank .*phase $phase" "$dir/log.txt" &&
        ! pgrep -f -- "--out $dir " >/dev/null || return
    echo found >"$dir.ok"
    # shellcheck disable=SC2086
    timeout -k 5 90 $MPIRUN -n 1 "$bitrun" "$scratch/tiny.json" --out "$dir" $limits >>"$dir.said" 2>&1 &&
        [ "$(hash "$dir")" = "$(hash "$scratch/whole")" ] && [ "$(losses "$dir")" = "$(losses "$scratch/whole")" ] &&
        [ ! -e "$dir/heartbeat" ] && echo resumed >"$dir.ok"
}

read -r -a trials <<<"${WATCHDOG_TRIALS:-index:1:0=stop data:1:2=read forward:0:5=stop reduce:1:5=loop write:0:3=read \
evaluate:0:4=loop}"
for i in "${!trials[@]}"; do
    try "trial-$i" "${trials[$i]}" &
    [ $((i % 3)) != 2 ] || wait
done
wait
for i in "${!trials[@]}"; do
    [ "$(cat "$scratch/trial-$i.ok" 2>/dev/null)" = resumed ]
    ok $? "${trials[$i]}: found, named, ended, resumed"
    [ "$(cat "$scratch/trial-$i.ok" 2>/dev/null)" = resumed ] || sed 's/^/# /' "$scratch/trial-$i.said"
done

# Slow is not late: a pause shorter than the limit, and a stop that is taken back in time.
BIT_TEST_FAULT=forward:1:3=sleep:1.5 timeout -k 5 90 $MPIRUN -n 2 "$top_builddir/tests/faults/bitrun_points" "$scratch/tiny.json" --out "$scratch/slow" \
    --set watchdog.step_seconds=4 >"$scratch/said" 2>&1
ok $? "a pause below the limit does no harm"
same "a pause below the limit changes no bit" "$(hash "$scratch/slow")" "$(hash "$scratch/whole")"
[ ! -e "$scratch/slow/heartbeat" ]
ok $? "no heartbeats are left"

# --evaluate has a watchdog and files of its own.
cp "$scratch/whole/outcome.json" "$scratch/before"
BIT_TEST_FAULT=evaluate:1=read timeout -k 5 60 $MPIRUN -n 2 "$top_builddir/tests/faults/bitrun_points" "$scratch/tiny.json" --out "$scratch/whole" \
    --evaluate --set watchdog.step_seconds=2 >"$scratch/said" 2>&1
[ $? = 76 ] && grep -q 'watchdog: rank 1 .* timed out: in phase evaluate ' "$scratch/said"
ok $? "an evaluation that hangs is found and ended"
cmp -s "$scratch/whole/outcome.json" "$scratch/before" && [ "$(value "$scratch/whole/evaluating/outcome.json" late_rank)" = 1 ]
ok $? "the run's own outcome is not touched"
run 1 "$scratch/tiny.json" --out "$scratch/whole" --evaluate && [ ! -e "$scratch/whole/evaluating" ]
ok $? "the next one passes and leaves nothing"

# Before the ranks know each other there is no watchdog yet: one of two processes never becomes a rank.
BIT_START_SECONDS=2 timeout -k 5 90 $MPIRUN -n 2 "$top_srcdir/tests/each-rank" "$bitrun" "$scratch/tiny.json" --out "$scratch/start" // sleep 80 >"$scratch/said" 2>&1
code=$?
# Hydra (MPICH) may tell of the other process, which it has killed.
{ [ $code = 76 ] || { [ "$MPI_KIND" != openmpi ] && [ $code != 0 ]; }; } && grep -q 'have not found each other within 2 s' "$scratch/said" && [ ! -e "$scratch/start" ]
ok $? "a rank that never begins: the others end with 76"
exit $bad
