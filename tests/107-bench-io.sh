#!/bin/bash
# bit bench decode and checkpoint: figures at the end, ceilings, JSON, files of a folder, nothing left behind, refusals.
. "$(dirname "$0")/lib.sh"
bit=$top_builddir/bit
fail() { echo "FAIL: $*"; exit 1; }
digits=$top_srcdir/data/digits/val

"$bit" bench decode --data "$digits" --images 20 --size 32 --threads 2 --precision bfloat16 --repeat 1 > "$scratch/out" ||
    fail "decode of files"
grep -q '^20 files of' "$scratch/out" || fail "not 20 files"
grep -q 'cannot be used' "$scratch/out" && fail "digits that cannot be used"
grep -Eq '^ceiling: libjpeg alone.* [0-9.]+ images/s; reached [0-9.]+ of it$' "$scratch/out" || fail "no ceiling"
tail -n 2 "$scratch/out" | head -n 1 | grep -Eq '^images/s: [0-9.]+$' || fail "images/s"
tail -n 1 "$scratch/out" | grep -Eq '^peak memory: [0-9.]+ GB$' || fail "peak memory"
mkdir "$scratch/bad"
printf 'no picture' > "$scratch/bad/a.jpg"
cp "$(find "$digits" -name '*.jpg' | head -n 1)" "$scratch/bad/b.jpg"
"$bit" bench decode --data "$scratch/bad" --threads 1 --repeat 1 > "$scratch/out" || fail "a bad file"
grep -q '^1 cannot be used, the first: .*a.jpg' "$scratch/out" || fail "a bad file is not named"
"$bit" bench decode --threads 1 --size 64 --repeat 1 --json > "$scratch/decode.json" || fail "made images"
grep -q '"data": "synthetic"' "$scratch/decode.json" || fail "synthetic images are not called so"

mkdir "$scratch/here"
"$bit" bench checkpoint --model R14x1 --classes 10 --folder "$scratch/here" --threads 2 --repeat 2 > "$scratch/out" || fail "checkpoint"
[ "$(grep -Ec 'GB/s; ceiling: plain .*reached [0-9.]+ of it$' "$scratch/out")" = 3 ] || fail "no ceilings"
tail -n 2 "$scratch/out" | head -n 1 | grep -Eq '^GB/s: [0-9.]+$' || fail "GB/s"
tail -n 1 "$scratch/out" | grep -Eq '^peak memory: [0-9.]+ GB$' || fail "peak memory"
"$bit" bench checkpoint --model R14x1 --classes 10 --folder "$scratch/here" --repeat 1 --json > "$scratch/checkpoint.json"
[ -z "$(ls -A "$scratch/here")" ] || fail "something is left: $(ls -A "$scratch/here")"
if command -v python3 > /dev/null; then
    python3 -c 'import json, sys
a, b = (json.load(open(name)) for name in sys.argv[1:])
assert a["images"] == 48 and a["failed"] == 0 and 40e3 < a["mean_bytes"] < 70e3 and a["images_per_second"] > 0
assert b["file_bytes"] > b["bytes"] > 8 * 2.9e6 and b["save_ratio"] > 0 and b["load_ratio"] > 0' \
        "$scratch/decode.json" "$scratch/checkpoint.json" || fail "bad JSON"
fi

refused() { # EXIT OPTIONS
    wanted=$1 status=0
    shift
    "$bit" bench "$@" > "$scratch/out" 2> "$scratch/err" || status=$?
    [ "$status" = "$wanted" ] || fail "bench $*: exit $status instead of $wanted"
    [ -s "$scratch/err" ] || fail "bench $*: no reason"
}
refused 66 decode --data "$scratch/nowhere" --repeat 1
refused 66 decode --data "$scratch/here" --repeat 1
refused 64 decode --images 0
refused 65 decode --data "$scratch/bad" --repeat 1 --fit "$scratch/fit.json"
[ ! -e "$scratch/fit.json" ] || fail "a measurement with bad files was kept"
rm "$scratch/bad/b.jpg"
refused 65 decode --data "$scratch/bad" --repeat 1
grep -q 'none of 1 files' "$scratch/err" || fail "only bad files"
refused 74 decode --repeat 1 --fit "$scratch/nowhere/fit.json"
[ ! -s "$scratch/out" ] || fail "measured for a file that cannot be written"
refused 74 checkpoint --model R14x1 --folder "$scratch/nowhere"
