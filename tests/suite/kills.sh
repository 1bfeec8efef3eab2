#!/bin/bash
# A suite killed at random moments, again and again: the results are those of an undisturbed one. KILLS=N (20; of the tests 3), SEED=N.
# Odd kills are of bit suite alone, whose run goes on without it; even ones of all that it started.
. "$(dirname "$0")/../lib.sh"
needs bitrun
BIT_LAUNCH=$top_srcdir/launcher/bit-launch
export BIT_LAUNCH
RANDOM=${SEED:-$$}
echo "# SEED=${SEED:-$$}"
images "$scratch/data" 4
job "$scratch/up.json" 2
run 1 "$scratch/up.json" --out base --set checkpoint.every_steps=0 --set evaluation.every_steps=0
ok $? "the upstream run"
cat >suite.json <<EOF
{"name": "killed", "seeds": [1, 2], "shots": [1, "all"], "probe": true,
 "job": {"task": "finetune", "micro_batch": 4, "threads": 1, "backend": "openblas", "model": {"start": "base"},
         "data": {"size": 16, "mirror": false}, "schedule": {"batch": 8, "steps": 12}, "checkpoint": {"every_steps": 3}},
 "tasks": [{"name": "a", "job": {"data": {"train": "data/train", "val": "data/val"}}},
           {"name": "b", "job": {"data": {"train": "data/val", "val": "data/train"}}}]}
EOF
numbers() { sed 's/"folder":"[^"]*"//g' "$1/results.json"; }
before=$(date +%s%N)
"$bit" suite suite.json --out quiet --threads 1 >said 2>&1
ok $? "an undisturbed suite"
took=$((($(date +%s%N) - before) / 1000000))
kills=0 rounds=0
# Every suite is killed until it has come to its end by itself; then a new one begins.
while [ $kills -lt "${KILLS:-3}" ] && [ $rounds -lt 500 ]; do
    rounds=$((rounds + 1))
    [ -d killed ] || done_before=$kills
    setsid "$bit" suite suite.json --out killed --threads 1 >said 2>&1 &
    process=$!
    delay=$((took * (RANDOM % 1000) / 1500))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    if kill -0 $process 2>/dev/null; then
        kills=$((kills + 1))
        if [ $((kills % 2)) = 1 ]; then
            kill -KILL $process
        else
            # Its session is its own: the launchers and runs that it started.
            ps -o pid= --sid $process | xargs -r kill -KILL 2>/dev/null
        fi
    fi
    wait $process
    code=$?
    [ $code = 0 ] || continue
    [ "$(numbers killed)" = "$(numbers quiet)" ]
    ok $? "killed $((kills - done_before)) times, the suite comes to the same results"
    rm -rf killed
done 2>/dev/null
# What a suite that was killed alone left running ends by itself; then the suite is ended in peace.
code=1
for _ in 1 2 3 4 5 6 7 8 9 10; do
    "$bit" suite suite.json --out killed --threads 1 >said 2>&1
    code=$?
    [ $code != 0 ] || break
    sleep 2
done
[ $code = 0 ] && [ "$(numbers killed)" = "$(numbers quiet)" ]
ok $? "after $kills kills the same command ends the suite, with the results of the undisturbed one"
exit $bad
