#!/bin/bash
# bit probe: the same counts as numpy's regressions and neighbours from the same features; the same for any number of threads and form.
. "$(dirname "$0")/lib.sh"
needs cli bitrun
job tiny.json 12
run 1 tiny.json --out base
ok $? "a run to probe"
train=$scratch/data/train val=$scratch/data/val

expect 0 "probe" "$bit" probe base "$train" "$val" --shots 1,3,5 --seeds 0,1,2,7 --neighbours 5,20,200
cp out table
same "a row a number of shots" "$(awk '$3 == "%" && $5 == "%"' table | wc -l)" 3
same "a row a number of neighbours" "$(grep -c nearest table)" 3
says err "images stretched to 16 pixels"
expect 0 "probe as JSON" "$bit" probe base "$train" "$val" --shots 1,3,5 --seeds 0,1,2,7 --neighbours 5,20,200 --json --threads 2 --micro-batch 5
cp out probe.json
cat >lines.py <<'PYTHON'
import json, statistics
r = json.load(open("probe.json"))
for row in r["probe"]:
    accuracies = [s["accuracy"] for s in row["seeds"]]
    assert abs(row["median"] - statistics.median(accuracies)) < 1e-12 and row["least"] == min(accuracies) and row["most"] == max(accuracies)
    for s in row["seeds"]:
        assert s["accuracy"] == s["right"] / 70 and s["train_images"] == 10 * row["shots"]
        print("probe", row["shots"], s["seed"], s["right"])
for n in r["neighbours"]:
    print("nearest", n["k"], n["right"])
PYTHON
python3 lines.py >ours 2>said
ok $? "medians, least and most of the draws"
same "every draw and number of neighbours is there" "$(wc -l <ours)" 15
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    /usr/bin/python3 "$top_srcdir/tests/features/reference.py" compare "$top_srcdir/tests/golden/probe.json" >said 2>&1
    ok $? "numpy still gives the stored numbers"
    "$bit" embed base "$train" train.csv --stretch >said 2>&1 && "$bit" embed base "$val" val.csv --stretch >>said 2>&1 &&
        /usr/bin/python3 "$top_srcdir/tests/features/reference.py" probe train.csv val.csv 1,3,5 0,1,2,7 5,20,200 >numpy 2>>said && cmp ours numpy >>said 2>&1
    ok $? "numpy counts the same from the features of bit embed"
else
    skip "numpy counts the same" "python3-numpy is not installed"
fi
expect 0 "regressions alone" "$bit" probe base "$train" "$val" --shots 1,3,5 --seeds 0,1,2,7 --no-neighbours
cmp out <(head -n 4 table)
ok $? "give the same when only the drawn images are looked at"

# ---- what is wrong ----
mkdir fewer
cp -rL "$val/0" fewer/
cp -rL "$val/0" fewer/zero
refused 65 "classes that the training images have not" "$bit" probe base "$train" fewer
rm -r fewer/zero
echo text >fewer/0/bad.jpg
expect 0 "a bad test image" "$bit" probe base "$train" fewer --shots 1 --seeds 0 --neighbours 1 --json
says err "bad.jpg: neither"
says out '"test_images": 7'
refused 64 "shots that do not ascend" "$bit" probe base "$train" "$val" --shots 5,1
refused 64 "no number" "$bit" probe base "$train" "$val" --seeds 0,x
refused 66 "no test images" "$bit" probe base "$train" nowhere
exit $bad
