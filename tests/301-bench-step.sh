#!/bin/bash
# bit bench step: whole steps on every backend and precision, figures at the end, JSON, profile.
. "$(dirname "$0")/lib.sh"
bit=$top_builddir/bit
fail() { echo "FAIL: $*"; exit 1; }
small="--model R14x1 --size 33 --classes 10 --steps 2"

for backend in openblas auto; do
    for precision in float32 bfloat16; do
        # shellcheck disable=SC2086
        "$bit" bench step $small --batch 6 --micro-batch 2 --threads 2 --backend "$backend" --precision "$precision" \
            --profile > "$scratch/out" || fail "$backend $precision"
        tail -n 2 "$scratch/out" | head -n 1 | grep -Eq '^images/s: [0-9.]+$' || fail "images/s of $backend $precision"
        tail -n 1 "$scratch/out" | grep -Eq '^peak memory: [0-9.]+ GB$' || fail "peak memory of $backend $precision"
        grep -q '^ceilings: sgemm 2048^3 [0-9.]* GFLOP/s, copy [0-9.]* GB/s' "$scratch/out" || fail "no ceilings"
        grep -q '^norm + ReLU backward' "$scratch/out" || fail "no profile by kind"
        grep -q '^block 4' "$scratch/out" || fail "no profile by block"
        grep -q 'loss of the last [0-9]' "$scratch/out" || fail "no loss"
    done
done
# shellcheck disable=SC2086
"$bit" bench step $small --batch 2 --micro-batch 2 --threads 1 --json > "$scratch/json"
grep -q '"images_per_second":' "$scratch/json" || fail "no JSON"
if command -v python3 > /dev/null; then
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["profile"] and d["images_per_second"] > 0' \
        "$scratch/json" || fail "bad JSON"
fi
