#!/bin/bash
# The same promises for the other kinds of job: bfloat16, several labels an image with the sigmoid loss, batch norm.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 4

# list PART: "path<TAB>digit,even" or "...,odd"
list() {
    local class file
    for class in 0 1 2 3 4 5 6 7 8 9; do
        for file in "$scratch/data/$1/$class"/*; do
            printf '%s\t%s,%s\n' "$1/$class/${file##*/}" "$class" "$([ $((class % 2)) = 0 ] && echo even || echo odd)"
        done
    done > "$scratch/data/$1.txt"
}
list train
list val

# both NAME OPTION...: 2 ranks at once, and with a stop in between on 1 and 2 ranks
both() {
    local name=$1
    shift
    run 2 "$scratch/tiny.json" --out "$scratch/$name" "$@"
    ok $? "$name: 2 ranks train to the end"
    run 2 "$scratch/tiny.json" --out "$scratch/$name-parts" "$@" --steps-limit 3
    run "$last" "$scratch/tiny.json" --out "$scratch/$name-parts" "$@"
    same "$name: stopped and resumed ends with the same weights" "$(hash "$scratch/$name-parts")" "$(hash "$scratch/$name")"
    same "$name: and losses" "$(losses "$scratch/$name-parts")" "$(losses "$scratch/$name")"
}
last=1
both bfloat16 --set precision=bfloat16
both sigmoid --set loss=sigmoid --set "data.train=$scratch/data/train.txt" --set "data.val=$scratch/data/val.txt"
grep -q 'precision-at-1' "$scratch/sigmoid/log.txt" && grep -q '"kind":"evaluation","step":4,.*"images":70' \
    "$scratch/sigmoid/metrics.jsonl"
ok $? "sigmoid: precision at 1 over every image"
# Batch norm's bits depend on the number of ranks: the same one has to go on. Its running statistics must come along.
last=2
both batch-norm --set model.norm=batch
run 1 "$scratch/tiny.json" --out "$scratch/batch-norm" --set model.norm=batch --evaluate
same "batch norm: --evaluate gives what training saw" "$(value "$scratch/batch-norm/evaluation.json" loss)" \
    "$(value "$scratch/batch-norm/outcome.json" validation_loss)"
exit $bad
