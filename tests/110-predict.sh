#!/bin/bash
# bit predict: the same judgement as bitrun's evaluation, from whatever the weights lie in, in every form; bad images are named and skipped.
. "$(dirname "$0")/lib.sh"
needs cli bitrun
job tiny.json 12
run 1 tiny.json --out base
ok $? "a run to predict with"
val=$scratch/data/val

# first CSV: lines of a CSV whose first class is the label; classes are digits
first() { awk -F, 'NR > 1 && $2 == $3' "$1" | wc -l; }
expect 0 "predictions of all validation images" "$bit" predict base "$val" --csv --top 3 --logits
cp out all.csv
same "a line an image" "$(awk 'NR > 1' all.csv | wc -l)" 70
run 1 tiny.json --out base --evaluate
same "as many right as bitrun --evaluate says" "$(first all.csv)" "$(sed -n 's/^top-1 [^(]*(\([0-9]*\)).*/\1/p' said)"
# path,label,class1,probability1,...,class3,probability3, then ten outputs
awk -F, 'NR > 1 { sum = 0; for (i = 9; i <= 18; i++) sum += exp($i); p = exp($(9 + $3)) / sum; if (p - $4 > 1e-5 || $4 - p > 1e-5 || $4 < $6 || $6 < $8) bad = 1 }
    END { exit bad || NR != 71 }' all.csv
ok $? "probabilities are the softmax of the outputs, in falling order"
expect 0 "other micro-batches" "$bit" predict base "$val" --csv --top 3 --logits --micro-batch 7 --threads 2
cmp out all.csv
ok $? "neither micro-batch nor threads change a digit"

# ---- forms ----
picture=$(find -L "$val/3" -name '*.jpg' | sort | head -n 1)
expect 0 "one image" "$bit" predict base "$picture" --top 1
says out "$picture: "
expect 0 "JSON" "$bit" predict base "$val" --json --top 2 --logits
python3 - <<'PYTHON'
import csv, json
rows = json.load(open("out"))
lines = list(csv.DictReader(open("all.csv")))
assert len(rows) == len(lines) == 70
for row, line in zip(rows, lines):
    assert row["path"] == line["path"] and row["label"] == line["label"] and row["top"][0]["class"] == line["class1"]
    assert len(row["top"]) == 2 and len(row["logits"]) == 10 and abs(row["logits"][4] - float(line["4"])) < 1e-6
PYTHON
ok $? "JSON says the same as CSV"
mkdir flat
cp -L "$val"/3/*.jpg flat/
expect 0 "a folder of images" "$bit" predict base flat --csv
same "a line an image of the folder, without a label" "$(head -n 1 out | cut -d, -f1,2) $(awk 'NR > 1' out | wc -l)" "path,class1 7"
find flat -name '*.jpg' | sort >list
expect 0 "images named on standard input" "$bit" predict base --list - --csv <list
cut -d, -f1 out | tail -n +2 | cmp - list
ok $? "in the order of the list, as it names them"

# ---- other weights ----
expect 0 "one generation" "$bit" predict "$(find base/checkpoints -name 'step-*12')" "$val" --csv --top 3 --logits
cmp out all.csv
ok $? "a generation predicts as its run"
expect 0 "export" "$bit" ckpt export base weights.safetensors
expect 0 "a file of weights" "$bit" predict weights.safetensors "$val" --csv --top 3 --logits --size 16 --resize 16
tail -n +2 out | cmp - <(tail -n +2 all.csv)
ok $? "the exported weights predict the same"
says err "without names"
expect 0 "a file of weights as it is" "$bit" predict weights.safetensors "$picture"
says err "the file does not say what it was trained with"
expect 0 "export as a folder" "$bit" ckpt export base exported/
expect 0 "a folder of weights" "$bit" predict exported "$val" --csv --top 3 --logits --size 16 --resize 16
cmp out all.csv
ok $? "an exported folder knows the names of its classes"
cp weights.safetensors BiT-M-R8x1-ILSVRC2012.safetensors
expect 0 "published weights tuned to ILSVRC-2012" "$bit" predict BiT-M-R8x1-ILSVRC2012.safetensors "$picture"
says err "squashed to 384 x 384"

# ---- what is wrong ----
echo text >flat/text.jpg
: >flat/empty.jpg
expect 65 "bad images: 65" "$bit" predict base flat/text.jpg flat/empty.jpg gone.jpg "$picture" --csv
same "the good one is there" "$(awk 'NR > 1' out | wc -l)" 1
says err "text.jpg: "
says err "empty.jpg: "
says err "gone.jpg: cannot open: No such file"
says err "3 of 4 images could not be used"
expect 65 "bad images in JSON" "$bit" predict base gone.jpg "$picture" --json
python3 -c 'import json; a, b = json.load(open("out")); assert "No such file" in a["error"] and b["top"]'
ok $? "a bad image is an object with an error"
refused 66 "no model" "$bit" predict nothing "$picture"
refused 66 "no folder of images" "$bit" predict base nowhere/a.jpg
refused 64 "no image" "$bit" predict base
refused 64 "two forms" "$bit" predict base "$picture" --csv --json
refused 64 "a folder of classes beside others" "$bit" predict base "$val" "$picture"
refused 65 "a model that is none" "$bit" predict "$picture" "$picture"
refused 74 "a full disk" bash -c "'$bit' predict base '$picture' >/dev/full"
exit $bad
