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

# ---- from features that were written ----
"$bit" embed base "$train" train.h5 --stretch >said 2>&1 && "$bit" embed base "$val" val.h5 --stretch >>said 2>&1
ok $? "features as HDF5"
few=(--shots '1,3,5' --seeds '0,1,2,7' --neighbours '5,20,200')
expect 0 "a probe of these" "$bit" probe train.h5 val.h5 "${few[@]}"
cmp out table
ok $? "gives the table of the network and its images"
"$bit" probe train.h5 val.h5 "${few[@]}" --json --draw job >embedded.json 2>said && "$bit" probe base "$train" "$val" "${few[@]}" --json --draw job >looked.json 2>>said
sed 's/"train": .*"test_images"/"test_images"/' embedded.json >a && sed 's/"train": .*"test_images"/"test_images"/' looked.json | cmp - a
ok $? "as JSON, drawn as jobs draw"
mkdir part && cp -rL "$val/3" "$val/7" part/ && echo text >part/3/bad.jpg
"$bit" embed base part part.h5 --stretch >said 2>&1 && "$bit" probe train.h5 part.h5 "${few[@]}" --json >a.json 2>>said &&
    "$bit" probe base "$train" part "${few[@]}" --json >b.json 2>>said && [ "$(sed 's/.*"test_images"//' a.json)" = "$(sed 's/.*"test_images"//' b.json)" ] && grep -q '"test_images": 14' a.json
ok $? "classes by their names, and without the bad image"
refused 64 "options of images" "$bit" probe train.h5 val.h5 --size 32
refused 66 "features that are not there" "$bit" probe train.h5 nowhere.h5
refused 65 "a class that was not trained on" "$bit" probe part.h5 val.h5
"$bit" embed base "$val" other.h5 --squash >said 2>&1
refused 64 "features of other transformations" "$bit" probe train.h5 other.h5
head -c 5000 val.h5 >torn.h5
refused 65 "half a file" "$bit" probe train.h5 torn.h5
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    for damage in 'del f["labels"]' 'f["labels"][3] = 77' 'f["labels"][3] = -1' 'f["label_start"][2] = 10**18' 'f["label_start"][0] = 1' 'f["features"][5, 5] = float("nan")' \
        'del f["features"]; f["features"] = [[1.0] * 512] * 9' 'del f["features"]; f["features"] = 3' 'del f["label_name"]; f["label_name"] = [1, 2]' 'f["good"][:] = 0'; do
        cp val.h5 hostile.h5
        /usr/bin/python3 -c "import h5py; f = h5py.File('hostile.h5', 'r+'); $damage" 2>said
        refused 65 "a file in which $damage" "$bit" probe train.h5 hostile.h5
    done
fi

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
