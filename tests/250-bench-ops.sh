#!/bin/bash
# bit bench ops: runs on every backend and precision, ends in a figure, prints JSON, and refuses what it cannot do.
. "$(dirname "$0")/lib.sh"
needs cli
for backend in reference openblas auto; do
    for precision in float32 bfloat16; do
        expect 0 "$backend, $precision: runs" "$bit" bench ops --model R14x1 --batch 2 --micro-batch 1 --size 9 --classes 10 --threads 2 --repeat 1 \
            --backend "$backend" --precision "$precision"
        tail -n 2 out | head -n 1 | grep -Eq '^images/s: [0-9.]+$' && tail -n 1 out | grep -Eq '^peak memory: [0-9.]+ GB$'
        ok $? "$backend, $precision: images a second and peak memory stand at the end"
        grep -q '^ceilings: sgemm 2048^3 [0-9.]* GFLOP/s, copy [0-9.]* GB/s' out
        ok $? "$backend, $precision: ceilings are measured"
    done
done
expect 0 "--json runs" "$bit" bench ops --model R14x1 --batch 1 --size 9 --classes 10 --threads 1 --repeat 1 --json
grep -q '"gflops":' out
ok $? "--json has the figures"
if command -v python3 > /dev/null; then
    python3 -c 'import json; d = json.load(open("out")); assert d["convolutions"] and d["threads"] == 1'
    ok $? "--json is JSON"
fi
while IFS='|' read -r name arguments; do
    # shellcheck disable=SC2086
    refused 64 "refused: $name" "$bit" bench $arguments
done << 'ROWS'
no benchmark|
an unknown benchmark|nothing
a depth that no network has|ops --model R51x1
a width of 0|ops --model R50x0
a batch of 0|ops --batch 0
--batch without its value|ops --batch
an unknown backend|ops --backend cuda
an unknown precision|ops --precision float64
a batch that micro-batches do not fill|ops --batch 9 --micro-batch 2
an unknown option|ops --hurry 1
a word too many|ops 5
options for mpirun, which is not started|ops -- --host a
ROWS
exit $bad
