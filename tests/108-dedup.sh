#!/bin/bash
# bit dedup: copies of test pictures upstream, the lists that it writes, what it refuses, and going on after a kill.
. "$(dirname "$0")/lib.sh"
needs cli
for class in 0 1 2; do
    mkdir -p up/$class test/$class
    find "$top_srcdir/data/digits/train/$class" -name '*.jpg' | sort | head -n 40 | xargs -I{} cp {} up/$class
    find "$top_srcdir/data/digits/val/$class" -name '*.jpg' | sort | head -n 10 | xargs -I{} cp {} test/$class
done
# Three copies among the tests, as PNG: other bytes, the same pixels.
mkdir -p copies/0 && n=0
for file in up/1/*.jpg; do
    n=$((n + 1))
    [ $n -gt 3 ] || cp "$file" copies/0/copy-$n.jpg
done
"$top_builddir/tests/data/to_png" copies && cp -r copies/0/* test/0/ && cp up/2/"$(basename "$(find up/2 -name '*.jpg' | sort | head -n 1)")" test/1/same.jpg
expect 0 "copies are looked for" "$bit" dedup up test --out results --threads 2
says out "upstream  up: 120 pictures"
says out "test 1    test: 34 pictures"
grep -q '	0/copy-1.png	picture	0	0	upright	' results/duplicates.tsv && grep -q '	0/copy-3.png	picture	' results/duplicates.tsv
ok $? "the same pixels in another format are the same picture"
grep -q '^2/.*	1	1/same.jpg	file	' results/duplicates.tsv
ok $? "the same bytes are the same file"
marked=$(grep -c '	1$' results/test-1-marks.tsv) clean=$(wc -l <results/test-1-clean.txt)
[ $((marked + clean)) = 34 ] && [ "$marked" -ge 4 ]
ok $? "each test picture is marked or on the clean list ($marked and $clean)"
removed=$(wc -l <results/remove.txt) kept=$(wc -l <results/upstream-clean.txt)
[ $((removed + kept)) = 120 ] && [ "$removed" -ge 4 ]
ok $? "each upstream picture is to be removed or on the clean list ($removed and $kept)"
echo '{"data": {"train": "results/upstream-clean.txt", "val": "results/test-1-clean.txt"}}' >job.json
expect 0 "the clean lists are data of a job" "$bit" check --data job.json
says out "$kept images, 3 classes"
expect 0 "the same again, as JSON" "$bit" dedup up test --out results --json
grep -q '"known":154,' "$scratch/out" && cmp -s "$scratch/out" results/report.json
ok $? "nothing is looked at a second time"
cp results/duplicates.tsv before.tsv
# Killed at any moment it goes on, to the same pairs.
for delay in 0.01 0.03 0.05; do
    rm -rf results
    bash -c 'timeout -s KILL "$@"; true' - $delay "$bit" dedup up test --out results --threads 1 >/dev/null 2>&1
    "$bit" dedup up test --out results --threads 1 >/dev/null 2>err && cmp -s before.tsv results/duplicates.tsv
    ok $? "killed after $delay s it goes on to the same pairs"
done
# A mirrored copy is found, but for --upright.
mkdir -p one/a two/a
cp "$top_srcdir/tests/data/png/pillow-large.png" one/a/
cp "$top_srcdir/tests/data/png/pillow-mirrored.png" two/a/mirrored.png
expect 0 "a mirrored copy" "$bit" dedup one two --out turned
grep -q '	a/mirrored.png	[a-z]*	[0-9]*	[0-9]*	mirrored	' turned/duplicates.tsv
ok $? "a mirrored copy is found as such"
expect 0 "a mirrored copy, upright ones only" "$bit" dedup one two --out turned --upright
same "no mirrored copy is found with --upright" "$(grep -c 'a/mirrored.png' turned/duplicates.tsv)" 0
expect 64 "no tests" "$bit" dedup up
expect 64 "an unknown option" "$bit" dedup up test --bit 3
says err "--bits"
expect 66 "an upstream that is not there" "$bit" dedup nowhere test --out x
mkdir -p empty/a
expect 65 "an upstream without pictures" "$bit" dedup empty test --out x
expect 65 "more candidates than --most-pairs" "$bit" dedup up up --out x --most-pairs 5
says err "--most-pairs"
: >file
expect 74 "results that cannot be written" "$bit" dedup up test --out file/x
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod 555 closed
    expect 74 "a folder that cannot be written" "$bit" dedup up test --out closed/x
fi
expect 0 "help" "$bit" dedup --help
says out "--upright"
exit $bad
