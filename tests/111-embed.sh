#!/bin/bash
# bit embed and bitrun --embed: what is written agrees with bit predict; whatever interrupts it, on any number of ranks, the same file comes out.
. "$(dirname "$0")/lib.sh"
needs cli bitrun
job tiny.json 12
run 1 tiny.json --out base
ok $? "a run to embed with"
data=$scratch/data/val

expect 0 "embedding as CSV" "$bit" embed base "$data" whole.csv
says out "70 images, 512 features and 10 outputs each"
same "a line an image" "$(awk 'NR > 1' whole.csv | wc -l)" 70
same "columns" "$(head -n 1 whole.csv | tr ',' '\n' | wc -l)" $((2 + 10 + 512 + 10))
[ ! -e whole.csv.parts ]
ok $? "nothing is left beside it"
"$bit" predict base "$data" --csv --top 5 --logits >predicted.csv 2>said
cut -d, -f1-12,525- whole.csv | cmp - predicted.csv
ok $? "labels, classes, probabilities and outputs are those of bit predict"
awk -F, 'NR > 1 { for (i = 13; i <= 524; i++) if ($i < 0 || $i != $i + 0) exit 1; sum += $13 + $300 } END { exit sum <= 0 }' whole.csv
ok $? "features are means of what passed a ReLU"

if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    mkdir odd
    cp -rL "$data/0" "$data/1" odd/
    echo text >odd/0/000-bad.jpg
    expect 0 "embedding as HDF5, with a bad image" "$bit" embed base odd odd.h5
    says err "000-bad.jpg: neither"
    says out "1 of them could not be used"
    "$bit" embed base odd odd.csv >/dev/null 2>&1
    /usr/bin/python3 - <<'PYTHON' >said 2>&1
import csv, h5py, numpy as np
with h5py.File("odd.h5") as f, open("odd.csv", newline="") as c:
    rows = list(csv.DictReader(c))
    good = f["good"][:] == 1
    assert good.sum() == len(rows) == 14 and not good[0]
    assert [p.decode() for p in f["path"][:][good]] == [r["path"] for r in rows]
    assert f["path"][0].decode().endswith("000-bad.jpg") and f["label"][0] == 0
    assert np.isnan(f["features"][0]).all() and np.isnan(f["outputs"][0]).all() and (f["top_class"][0] == -1).all()
    names = [n.decode() for n in f["class_name"][:]]
    labels = [n.decode() for n in f["label_name"][:]]
    assert names == list("0123456789") and labels == ["0", "1"] and f["label_start"][-1] == 15
    for i, r in zip(np.where(good)[0], rows):
        assert labels[f["label"][i]] == r["label"] and names[f["top_class"][i, 0]] == r["class1"]
        assert (f["features"][i] == np.array([np.float32(r[f"feature{c}"]) for c in range(512)])).all()
        assert (f["outputs"][i] == np.array([np.float32(r[n]) for n in names])).all()
    assert f.attrs["size"] == 16 and len(f.attrs["weights_hash"]) == 32
PYTHON
    ok $? "h5py reads what the CSV says; the bad image's row says so"
else
    skip "h5py reads what the CSV says" "python3-h5py is not installed"
fi

# ---- interruptions: files may not grow past 60 KB, which kills it within a record ----
interrupt() { (ulimit -f 60; trap - XFSZ; exec "$bit" embed base "$data" "$1") >said 2>&1; }
interrupt part.csv
[ $? -gt 128 ] && [ ! -e part.csv ] && [ -s part.csv.parts/part-000000 ]
ok $? "killed while it writes: parts, and no output"
cp -r part.csv.parts kept.parts
expect 0 "the same command goes on" "$bit" embed base "$data" part.csv
resumed=$(sed -n 's/.*; \([0-9]*\) were there already/\1/p' out)
[ "${resumed:-0}" -gt 4 ] && [ "$resumed" -lt 70 ]
ok $? "with what was done (${resumed:-0} of 70)"
cmp part.csv whole.csv
ok $? "the same bytes as without the interruption"
cp -r kept.parts ranks.csv.parts
echo of a start that was killed at its end >ranks.csv.parts/out
run 3 --embed base "$data" ranks.csv --threads 1
ok $? "three ranks go on"
grep -q "; $resumed were there already" said
ok $? "they take over what one process did"
cmp ranks.csv whole.csv
ok $? "three ranks write the same bytes"
cp -r kept.parts flipped.csv.parts
printf x | dd of=flipped.csv.parts/part-000000 bs=1 seek=20000 conv=notrunc 2>/dev/null
expect 0 "a damaged part" "$bit" embed base "$data" flipped.csv
flipped=$(sed -n 's/.*; \([0-9]*\) were there already/\1/p' out)
[ "${flipped:-99}" -lt "$resumed" ] && cmp flipped.csv whole.csv
ok $? "is done again from there on (${flipped:-0} were kept)"
run 2 --embed base "$data" two.csv --threads 1 && cmp two.csv whole.csv
ok $? "two ranks from the beginning: the same bytes"

# ---- no memory, at one allocation after another ----
wrong=0
for n in 3 20 40 60 80 100 120; do
    BIT_TEST_FAIL_ALLOCATION=$n "$bit" embed base "$data" memory.csv --threads 1 >said 2>&1
    code=$?
    [ $code = 74 ] || [ $code = 0 ] || { echo "# allocation $n: exit $code"; wrong=1; }
    [ $code = 74 ] || break
done
[ -e memory.csv ] || "$bit" embed base "$data" memory.csv --threads 1 >said 2>&1
[ $wrong = 0 ] && cmp memory.csv whole.csv
ok $? "without memory it ends with 74, and the next start finishes it"

# ---- what is wrong ----
cp -r kept.parts other.csv.parts
refused 64 "parts of another embedding" "$bit" embed base "$data" other.csv --size 32
says err "holds parts of another embedding"
refused 64 "an output that is there" "$bit" embed base "$data" whole.csv
refused 64 "an unknown ending" "$bit" embed base "$data" whole.txt
refused 66 "no data" "$bit" embed base nowhere x.csv
refused 66 "no model" "$bit" embed nothing "$data" x.csv
refused 74 "no folder" "$bit" embed base "$data" nowhere/x.csv
fails 64 1 --embed base "$data" && grep -q -e "--embed takes MODEL, DATA and OUT" said
ok $? "bitrun: --embed without an output"
fails 64 2 --embed base "$data" whole.csv --threads 1 && grep -q "is there already" said
ok $? "bitrun: an output that is there"
[ ! -e x.csv.parts ]
ok $? "nothing is begun for what cannot be"
exit $bad
