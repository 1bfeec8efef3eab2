#!/bin/bash
# bit bench ops: runs on every backend and precision, ends in a figure, prints JSON, and refuses what it cannot do.
. "$(dirname "$0")/lib.sh"
bit=$top_builddir/bit
fail() { echo "FAIL: $*"; exit 1; }

for backend in reference openblas auto; do
    for precision in float32 bfloat16; do
        "$bit" bench ops --model R14x1 --batch 2 --micro-batch 1 --size 9 --classes 10 --threads 2 --repeat 1 \
            --backend "$backend" --precision "$precision" > "$scratch/out" || fail "$backend $precision"
        tail -n 2 "$scratch/out" | head -n 1 | grep -Eq '^images/s: [0-9.]+$' || fail "images/s of $backend $precision"
        tail -n 1 "$scratch/out" | grep -Eq '^peak memory: [0-9.]+ GB$' || fail "peak memory of $backend $precision"
        grep -q '^ceilings: sgemm 2048^3 [0-9.]* GFLOP/s, copy [0-9.]* GB/s' "$scratch/out" || fail "no ceilings"
    done
done
"$bit" bench ops --model R14x1 --batch 1 --size 9 --classes 10 --threads 1 --repeat 1 --json > "$scratch/json"
grep -q '"gflops":' "$scratch/json" || fail "no JSON"
if command -v python3 > /dev/null; then
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["convolutions"] and d["threads"] == 1' \
        "$scratch/json" || fail "bad JSON"
fi

refused() {
    status=0
    "$bit" bench "$@" > "$scratch/out" 2> "$scratch/err" || status=$?
    [ "$status" = 64 ] || fail "bench $*: exit $status instead of 64"
    [ -s "$scratch/err" ] || fail "bench $*: no reason"
}
refused
refused nothing
refused ops --model R51x1
refused ops --model R50x0
refused ops --batch 0
refused ops --batch
refused ops --backend cuda
refused ops --precision float64
refused ops --batch 9 --micro-batch 2
refused ops --hurry 1
refused ops 5
refused ops -- --host a
echo "PASS"
