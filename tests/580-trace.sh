#!/bin/bash
# bitrun --trace: whole JSON also after a kill, every rank, nested spans, the reduction beside the backward pass; and the same
# bits as without.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 6
look() { "$top_builddir/tests/bitrun/timeline" "$1" > "$scratch/spans"; }
# times RANK SPAN
times() { sed -n "s/^rank $1:.* $2 \([0-9]*\);.*/\1/p" "$scratch/spans"; }

run 1 "$scratch/tiny.json" --out "$scratch/plain"
run 2 "$scratch/tiny.json" --out "$scratch/traced" --trace "$scratch/trace.json" --set model.depth=14 --set data.size=32 --set data.resize=32 \
    --set schedule.batch=32
ok $? "two ranks with a timeline"
look "$scratch/trace.json"
ok $? "the timeline is JSON, and its spans nest"
sed 's/^/# /' "$scratch/spans"
for rank in 0 1; do
    same "rank $rank: steps" "$(times $rank step)" 6
    same "rank $rank: a forward pass for each of four micro-batches a step" "$(times $rank forward)" 24
    same "rank $rank: and a backward pass" "$(times $rank backward)" 24
    same "rank $rank: two evaluations" "$(times $rank evaluation)" 2
    same "rank $rank: checkpoints" "$(times $rank commit)" "$(times $rank snapshot)"
    # 6 steps of 31 buckets, if every one of them was seen
    [ "$(times $rank 'reduce bucket')" -ge 180 ] && [ "$(times $rank 'reduce bucket')" = "$(times $rank 'gather bucket')" ]
    ok $? "rank $rank: buckets are reduced and gathered"
    [ "$(times $rank decode)" -ge 96 ]
    ok $? "rank $rank: loaders decode"
    [ -n "$(times $rank 'wait for data')" ] && [ -n "$(times $rank update)" ] && [ -n "$(times $rank 'wait for reduction')" ]
    ok $? "rank $rank: the rest of a step"
    share=$(sed -n "s/^rank $rank:.* overlap [0-9]* times, \([0-9]*\) %$/\1/p" "$scratch/spans")
    [ "$(sed -n "s/^rank $rank:.* overlap \([0-9]*\) times.*/\1/p" "$scratch/spans")" -ge 1 ]
    ok $? "rank $rank: $share % of the reduction lies beside the backward pass"
done

run 2 "$scratch/tiny.json" --out "$scratch/some" --trace "$scratch/some.json" --trace-steps 3:2
look "$scratch/some.json"
ok $? "a timeline of two steps"
same "--trace-steps 3:2 records two steps" "$(times 1 step)" 2
same "--trace-steps changes no bit" "$(hash "$scratch/some")" "$(hash "$scratch/plain")"

# A run that dies leaves a file that can be read.
mkdir "$scratch/torn"
timeout -s KILL 60 $MPIRUN -n 2 "$bitrun" "$scratch/tiny.json" --set schedule.steps=100000 --set schedule.decay_steps='[]' \
    --out "$scratch/torn/run" --trace "$scratch/torn.json" --trace-steps 1:100000 > "$scratch/said" 2>&1 &
wait_for 40 grep -q '"step".*"number":5}' "$scratch/torn.json"
for pid in $(pgrep -f -- "--out $scratch/torn/run"); do kill -KILL "$pid" 2> /dev/null; done
wait 2> /dev/null
look "$scratch/torn.json"
ok $? "after a kill the timeline is whole"
[ "$(times 0 step)" -ge 5 ]
ok $? "after a kill the timeline has all steps but the last"

# A disk that fills up ends the timeline, not the training; what a restart finds is kept.
mkdir "$scratch/small"
if mount -t tmpfs -o size=32k none "$scratch/small" 2> /dev/null; then
    clean_up() { umount "$scratch/small"; }
    run 2 "$scratch/tiny.json" --out "$scratch/full" --trace "$scratch/small/trace.json"
    ok $? "a full disk does not end the training"
    same "a full disk: the end of the timeline is told once" "$(grep -c 'the timeline ends here' "$scratch/said")" 1
    same "a full disk under the timeline changes no bit" "$(hash "$scratch/full")" "$(hash "$scratch/plain")"
    look "$scratch/small/trace.json"
    ok $? "a full disk: the timeline is whole"
    run 2 "$scratch/tiny.json" --out "$scratch/full" --fresh --force --trace "$scratch/small/trace.json" --steps-limit 1
    same "a full disk from the start: the run is stopped by its limit alone" $? 75
    look "$scratch/small/trace.json.1"
    ok $? "a full disk: the older timeline is kept"
fi

fails 64 1 "$scratch/tiny.json" --out "$scratch/no" --trace "$scratch/no.json" --trace-steps 0:1
ok $? "--trace-steps 0:1 is refused: steps count from 1"
fails 64 1 "$scratch/tiny.json" --out "$scratch/no" --trace "$scratch/no.json" --trace-steps 5
ok $? "--trace-steps 5 is refused: FROM:COUNT is two numbers"
fails 74 2 "$scratch/tiny.json" --out "$scratch/no" --trace "$scratch/nowhere/trace.json"
ok $? "--trace to a file that cannot be made: exit 74"
exit $bad
