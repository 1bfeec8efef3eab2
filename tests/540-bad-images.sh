#!/bin/bash
# Broken images: replaced by the same ones on any number of ranks, listed once an epoch, left out of evaluations.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
: > "$scratch/data/train/3/empty.jpg"
echo "not a picture" > "$scratch/data/train/5/text.jpg"
head -c 200 "$(find "$top_srcdir/data/digits/train/7" -name '*.jpg' | head -n 1)" > "$scratch/data/train/7/half.jpg"
ln -s "$scratch/nowhere.jpg" "$scratch/data/train/8/dangling.jpg"
echo "not a picture" > "$scratch/data/val/1/text.jpg"
"$top_builddir/tests/data/hostile" "$scratch/data/train/9" all > "$scratch/hostile"
ok $? "hostile files beside them: $(cat "$scratch/hostile")"
for ranks in 1 2 4; do
    run $ranks "$scratch/tiny.json" --out "$scratch/r$ranks" --set data.bad_share=0.9
    ok $? "$ranks ranks train over all of them"
done
same "2 ranks end with the weights of one" "$(hash "$scratch/r2")" "$(hash "$scratch/r1")"
same "bad images: 4 ranks end with the weights of one" "$(hash "$scratch/r4")" "$(hash "$scratch/r1")"
same "bad images: the same ones are listed on 1 and 4 ranks" "$(sort "$scratch/r1/quarantine.tsv" | cut -f 1,2)" \
    "$(sort "$scratch/r4/quarantine.tsv" | cut -f 1,2)"
grep -q "^0	.*/3/empty.jpg	" "$scratch/r1/quarantine.tsv" && grep -q "^-	.*/1/text.jpg	" "$scratch/r1/quarantine.tsv"
ok $? "the list of bad images has epoch, path and reason"
[ "$(value "$scratch/r2/outcome.json" bad_images)" -gt 0 ]
ok $? "the outcome counts bad images"
same "bad images are counted alike on 1 and 2 ranks" "$(value "$scratch/r2/outcome.json" bad_images)" "$(value "$scratch/r1/outcome.json" bad_images)"
grep -q '"kind":"evaluation","step":8,.*"images":70,"bad":1' "$scratch/r4/metrics.jsonl"
ok $? "evaluation leaves the bad image out"

run 2 "$scratch/tiny.json" --out "$scratch/parts" --set data.bad_share=0.9 --steps-limit 4
run 1 "$scratch/tiny.json" --out "$scratch/parts" --set data.bad_share=0.9
same "bad images: a resumed run ends with the same weights" "$(hash "$scratch/parts")" "$(hash "$scratch/r1")"
same "bad images: a resumed run lists each once an epoch" "$(sort "$scratch/parts/quarantine.tsv" | cut -f 1,2)" \
    "$(sort "$scratch/r1/quarantine.tsv" | cut -f 1,2)"
fails 65 1 "$scratch/tiny.json" --out "$scratch/strict" --set data.bad_share=0.001
ok $? "more than data.bad_share of them: exit 65"
grep -q 'data.bad_share allows; the first: .*/[0-9]*/.*: .*; .*/strict/quarantine.tsv lists them' "$scratch/said"
ok $? "more than data.bad_share: told the key, the first file and the list"
judgement() { grep -o '[0-9]* of [0-9]* images seen' "$scratch/said" | head -n 1; }
whole=$(judgement)
run 4 "$scratch/tiny.json" --out "$scratch/strict-parts" --set data.bad_share=0.001 --steps-limit 5
same "before 100 images nothing is judged" $? 75
fails 65 4 "$scratch/tiny.json" --out "$scratch/strict-parts" --set data.bad_share=0.001
same "4 ranks judge alike, and in parts" "$(judgement)" "$whole"
same "more than data.bad_share: the outcome gives the reason" "$(value "$scratch/strict/outcome.json" reason)" '"data"'
exit $bad
