#!/bin/bash
# bit bench decode and checkpoint: figures at the end, ceilings, JSON, files of a folder, nothing left behind, refusals.
. "$(dirname "$0")/lib.sh"
needs cli
digits=$top_srcdir/data/digits/val
figures() { # NAME PATTERN: the last two lines
    tail -n 2 out | head -n 1 | grep -Eq "$2" && tail -n 1 out | grep -Eq '^peak memory: [0-9.]+ GB$'
    ok $? "$1: the figure and peak memory stand at the end"
}
expect 0 "decode: 20 files" "$bit" bench decode --data "$digits" --images 20 --size 32 --threads 2 --precision bfloat16 --repeat 1
says out "20 files of"
! grep -q 'cannot be used' out
ok $? "decode: every digit can be used"
grep -Eq '^ceiling: libjpeg alone.* [0-9.]+ images/s; reached [0-9.]+ of it$' out
ok $? "decode: the ceiling is measured"
figures decode '^images/s: [0-9.]+$'
mkdir bad here
printf 'no picture' > bad/a.jpg
cp "$(find "$digits" -name '*.jpg' | head -n 1)" bad/b.jpg
expect 0 "decode: a bad file is borne" "$bit" bench decode --data bad --threads 1 --repeat 1
grep -q '^1 cannot be used, the first: .*a.jpg' out
ok $? "decode: a bad file is named"
expect 0 "decode: made images" "$bit" bench decode --threads 1 --size 64 --repeat 1 --json
says out '"data": "synthetic"'
cp out decode.json

expect 0 "checkpoint: runs" "$bit" bench checkpoint --model R14x1 --classes 10 --folder here --threads 2 --repeat 2
[ "$(grep -Ec 'GB/s; ceiling: plain .*reached [0-9.]+ of it$' out)" = 3 ]
ok $? "checkpoint: three ceilings are measured"
figures checkpoint '^GB/s: [0-9.]+$'
expect 0 "checkpoint: --json" "$bit" bench checkpoint --model R14x1 --classes 10 --folder here --repeat 1 --json
[ -z "$(ls -A here)" ]
ok $? "checkpoint: nothing is left in the folder"
if command -v python3 > /dev/null; then
    python3 -c 'import json, sys
a, b = (json.load(open(name)) for name in sys.argv[1:])
assert a["images"] == 48 and a["failed"] == 0 and 40e3 < a["mean_bytes"] < 70e3 and a["images_per_second"] > 0
assert b["file_bytes"] > b["bytes"] > 8 * 2.9e6 and b["save_ratio"] > 0 and b["load_ratio"] > 0' decode.json out
    ok $? "decode and checkpoint: --json has the figures"
fi

while IFS='|' read -r code name arguments; do
    # shellcheck disable=SC2086
    refused "$code" "refused with $code: $name" "$bit" bench $arguments
done << 'ROWS'
66|a folder that is not there|decode --data nowhere --repeat 1
66|a folder without images|decode --data here --repeat 1
64|no images asked for|decode --images 0
65|a measurement with bad files, to be kept|decode --data bad --repeat 1 --fit fit.json
74|a folder for checkpoints that is not there|checkpoint --model R14x1 --folder nowhere
ROWS
[ ! -e fit.json ]
ok $? "a measurement with bad files is not kept"
rm bad/b.jpg
refused 65 "refused with 65: bad files only" "$bit" bench decode --data bad --repeat 1
says err 'none of 1 files'
refused 74 "refused with 74: a file that cannot be written" "$bit" bench decode --repeat 1 --fit nowhere/fit.json
[ ! -s out ]
ok $? "a file that cannot be written is seen before anything is measured"
exit $bad
