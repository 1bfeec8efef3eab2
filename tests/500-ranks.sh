#!/bin/bash
# 1, 2 and 4 ranks: the same bits of weights, losses and evaluations.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
for ranks in 1 2 4; do
    run $ranks "$scratch/tiny.json" --out "$scratch/r$ranks"
    ok $? "$ranks ranks train to the end"
    [ "$(value "$scratch/r$ranks/outcome.json" state)" = '"finished"' ] && [ ! -e "$scratch/r$ranks/lock" ]
    ok $? "$ranks ranks leave a finished outcome and no lock"
done
for ranks in 2 4; do
    same "$ranks ranks end with the weights of one" "$(hash "$scratch/r$ranks")" "$(hash "$scratch/r1")"
    same "$ranks ranks have the losses of one" "$(losses "$scratch/r$ranks")" "$(losses "$scratch/r1")"
done
[ "$(losses "$scratch/r1" | wc -l)" = 10 ]
ok $? "8 steps and 2 evaluations stand in metrics.jsonl"
grep -q '"kind":"evaluation","step":8,.*"images":70,"bad":0' "$scratch/r4/metrics.jsonl"
ok $? "4 ranks evaluate every image exactly once"

# --evaluate, at other numbers of ranks, without touching the run
for ranks in 1 2 4; do
    run $ranks "$scratch/tiny.json" --out "$scratch/r2" --evaluate
    ok $? "$ranks ranks evaluate the checkpoint"
    grep -v -e seconds -e written -e ranks -e process -e peak "$scratch/r2/evaluation.json" > "$scratch/e$ranks"
    same "$ranks ranks evaluate to what training saw" "$(value "$scratch/e$ranks" loss)" \
        "$(value "$scratch/r2/outcome.json" validation_loss)"
done
cmp -s "$scratch/e1" "$scratch/e2" && cmp -s "$scratch/e1" "$scratch/e4"
ok $? "1, 2 and 4 ranks evaluate to the same bits"
[ "$(value "$scratch/r2/outcome.json" state)" = '"finished"' ]
ok $? "--evaluate leaves the outcome alone"

before=$(cat "$scratch/r1/metrics.jsonl")
run 2 "$scratch/tiny.json" --out "$scratch/r1"
ok $? "a finished run has nothing left to do"
same "starting a finished run leaves its metrics alone" "$(cat "$scratch/r1/metrics.jsonl")" "$before"
exit $bad
