#!/bin/bash
# bit bench step: whole steps on every backend and precision, figures at the end, JSON, profile.
. "$(dirname "$0")/lib.sh"
needs cli
small=(--model R14x1 --size 33 --classes 10 --steps 2)
has() { # NAME PATTERN: a line of the output
    grep -Eq -- "$2" out
    ok $? "$name: $1"
}
for backend in openblas auto; do
    for precision in float32 bfloat16; do
        name="$backend, $precision"
        expect 0 "$name: runs" "$bit" bench step "${small[@]}" --batch 6 --micro-batch 2 --threads 2 --backend "$backend" --precision "$precision" --profile
        tail -n 2 out | head -n 1 | grep -Eq '^images/s: [0-9.]+$' && tail -n 1 out | grep -Eq '^peak memory: [0-9.]+ GB$'
        ok $? "$name: images a second and peak memory stand at the end"
        has "ceilings are measured" '^ceilings: sgemm 2048\^3 [0-9.]* GFLOP/s, copy [0-9.]* GB/s'
        has "a profile by kind" '^norm \+ ReLU backward'
        has "a profile by block" '^block 4'
        has "the loss of the last step" 'loss of the last [0-9]'
    done
done
name=detection
expect 0 "detection runs" "$bit" bench step --task detect --model R14x1 --size 64 --classes 3 --batch 4 --micro-batch 2 --threads 2 --steps 1
has "says so" '^training step of R14x1 with RetinaNet at 64'
has "a first loss near the prior's" 'loss of the last [0-9]{1,2}\.'
expect 64 "detection refuses sizes that levels do not fit" "$bit" bench step --task detect --model R14x1 --size 100
expect 64 "--task belongs to step" "$bit" bench ops --task detect
for precision in float32 bfloat16; do
    name="forward, $precision"
    expect 0 "$name: runs" "$bit" bench step "${small[@]}" --forward --batch 6 --micro-batch 2 --threads 2 --precision $precision --profile
    has "says so" '^forward passes of R14x1 at 33, batch 6 in micro-batches of 2'
    has "has a loss" 'loss of the last [0-9]'
    ! grep -q 'backward' out
    ok $? "$name: nothing goes backward"
done
expect 64 "--forward belongs to step" "$bit" bench ops --forward
expect 64 "--forward is not a machine's measure of a step" "$bit" bench step --forward --fit machine.json
expect 0 "--json runs" "$bit" bench step "${small[@]}" --batch 2 --micro-batch 2 --threads 1 --json
name=--json has "has images a second" '"images_per_second":'
if command -v python3 > /dev/null; then
    python3 -c 'import json; d = json.load(open("out")); assert d["profile"] and d["images_per_second"] > 0'
    ok $? "--json is JSON"
fi
exit $bad
