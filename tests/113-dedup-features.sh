#!/bin/bash
# bit dedup --model: near-duplicates are confirmed by the cosine of a network's features: the cosine, the threshold, turned copies, the files.
. "$(dirname "$0")/lib.sh"
needs cli bitrun
job tiny.json 4
run 1 tiny.json --out base --set data.filter=antialias
ok $? "a network"
digits=$top_srcdir/data/digits
expect 0 "pixels alone" "$bit" dedup "$digits/train" "$digits/val" --out results --threads 2
near=$(cut -f 4 results/duplicates.tsv | grep -c near)
same "no cosine without a network" "$(cut -f 9 results/duplicates.tsv | sort -u | tr '\n' ' ')" "- cosine "
expect 0 "confirmed by a network" "$bit" dedup "$digits/train" "$digits/val" --out results --threads 2 --model base --cosine -1 --json
cp results/duplicates.tsv all.tsv
grep -q '"told_apart":0}' results/report.json && grep -q '"model":".*base.*","cosine":-1' results/report.json && [ "$(grep -c 'near.*0[.][0-9]*$' all.tsv)" = "$near" ]
ok $? "each near pair has its cosine ($near)"
# The cosine of the pair in the middle is the threshold: half of them stay, and no other pairs come.
middle=$(grep near all.tsv | cut -f 9 | sort -n | sed -n "$((near / 2 + 1))p")
expect 0 "a higher threshold" "$bit" dedup "$digits/train" "$digits/val" --out results --threads 2 --model base --cosine "$middle"
kept=$(grep -c near results/duplicates.tsv)
[ "$kept" -gt 0 ] && [ "$kept" -lt "$near" ] && grep -q "by their pixels, $((near - kept)) by their features" out && [ -z "$(grep -vFxf all.tsv results/duplicates.tsv)" ] &&
    grep -q "\"near\":$kept,\"told_apart\":$((near - kept))}" results/report.json
ok $? "pairs below it are told apart ($kept of $near stay)"
refused 64 "a cosine without a network" "$bit" dedup "$digits/train" "$digits/val" --out results --cosine 0.5
refused 66 "a network that is not there" "$bit" dedup "$digits/train" "$digits/val" --out results --model nowhere
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    "$bit" embed base "$digits/train" train.csv --squash >said 2>&1 && "$bit" embed base "$digits/val" val.csv --squash >>said 2>&1 &&
        /usr/bin/python3 "$top_srcdir/tests/features/reference.py" cosines all.tsv train.csv val.csv >>said 2>&1
    ok $? "numpy finds the same cosines of the features of bit embed"
else
    skip "numpy finds the same cosines" "python3-numpy is not installed"
fi
if /usr/bin/python3 -c 'import PIL' 2>/dev/null; then
    mkdir -p up/a copies/a
    cp "$top_srcdir/tests/data/png/pillow-large.png" up/a/
    /usr/bin/python3 - "$top_srcdir/tests/data/png/pillow-large.png" <<'PYTHON'
import sys
from PIL import Image
image = Image.open(sys.argv[1]).convert("RGB").resize((96, 96), Image.BILINEAR)
for name in ("FLIP_LEFT_RIGHT", "FLIP_TOP_BOTTOM", "ROTATE_90", "ROTATE_180", "ROTATE_270", "TRANSPOSE", "TRANSVERSE"):
    image.transpose(getattr(Image, name)).save("copies/a/%s.jpg" % name, quality=60)
PYTHON
    # Features of the turned picture as it is stored would be those of another picture.
    expect 0 "turned and recompressed copies" "$bit" dedup up copies --out turned --difference 60 --share 10 --model base --cosine 0.95
    same "each turned copy is confirmed" "$(grep -c 'near.*0[.]9[5-9][0-9]*$\|near.*1[.]0000$' turned/duplicates.tsv)" 7
else
    skip "turned copies" "python3-pil is not installed"
fi
exit $bad
