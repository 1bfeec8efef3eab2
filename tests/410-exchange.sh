#!/bin/bash
# bit ckpt import and export: numpy and PyTorch read what is written, what they write is read, to the bit; and bad files are refused
# by name.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import numpy' 2>/dev/null || exit 77
bit=$top_builddir/bit
archive() { /usr/bin/python3 "$top_srcdir/tests/exchange/archive.py" "$@"; }
torch() { /usr/bin/python3 "$top_srcdir/tests/exchange/network.py" "$@"; }
hash_of() { "$bit" ckpt hash "$1" | head -n 1; }

# ---- in ----
mkdir files && archive make files || exit 1
for form in good half short; do
    for file in files/$form-*; do
        name=$(basename "$file")
        "$bit" ckpt import "$file" "in/$name" >said 2>&1 && "$bit" ckpt verify "in/$name" >>said 2>&1
        ok $? "import $name"
        hash_of "in/$name" >>"$form.hashes"
    done
    [ "$(sort -u $form.hashes | wc -l)" = 1 ]
    ok $? "all files with these numbers give the same weights ($form)"
done
run=in/good-plain.npz
"$bit" ckpt show "$run" >said 2>&1 && grep -q "step 0, " said && grep -q "momentum     none" said
ok $? "show: step 0, without momentum"
"$bit" ckpt import files/good-plain.npz $run >said 2>&1; [ $? = 64 ] && grep -q "holds checkpoints already" said
ok $? "a second import into the same folder is refused"
"$bit" ckpt import files/nothing.npz in/nothing >said 2>&1; [ $? = 66 ] && [ ! -e in/nothing ]
ok $? "a missing file: 66, and nothing is made"
printf 'a\nb\n\nd\n' >four
"$bit" ckpt import --classes four files/good-plain.npz in/four >said 2>&1; [ $? = 64 ] && grep -q "expected 5 lines" said
ok $? "too few names of classes"
printf 'ant\nbee\ncat "1"\ndog\nemu\n' >five
"$bit" ckpt import --classes five files/good-plain.npz in/named >said 2>&1
ok $? "names of classes"

# ---- out ----
mkdir out
for source in good-plain.npz half-plain.npz; do
    "$bit" ckpt export in/$source out/$source >said 2>&1 && archive compare files/$source out/$source >>said 2>&1
    ok $? "numpy reads the exported $source bit for bit"
done
# Python's zipfile checks every member's checksum.
python3 - out/good-plain.npz >said 2>&1 <<'PYTHON'
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
members = archive.infolist()
sys.exit(archive.testzip() is not None or not members or any(m.compress_type != zipfile.ZIP_STORED for m in members))
PYTHON
ok $? "zipfile reads the exported archive, and its members are stored"
"$bit" ckpt export $run out/again.npz >said 2>&1 && cmp out/again.npz out/good-plain.npz >>said 2>&1
ok $? "the same weights give the same file"
"$bit" ckpt export $run out/again.npz >said 2>&1; [ $? = 64 ] && grep -q "is there already" said
ok $? "an existing file is left alone"
"$bit" ckpt export $run out/weights.pth >said 2>&1; [ $? = 64 ] && grep -q "expected a name that ends in" said
ok $? "an unknown ending"
"$bit" ckpt export $run nowhere/a.npz >said 2>&1; [ $? = 74 ]
ok $? "a folder that is not there: 74"
"$bit" ckpt export $run out/a.safetensors >said 2>&1 && "$bit" ckpt import out/a.safetensors back/a >>said 2>&1 && [ "$(hash_of back/a)" = "$(hash_of $run)" ]
ok $? "safetensors there and back: the same bits"
"$bit" ckpt import out/good-plain.npz back/b >said 2>&1 && [ "$(hash_of back/b)" = "$(hash_of $run)" ]
ok $? ".npz there and back: the same bits"
"$bit" ckpt export in/named out/timm/ >said 2>&1 && cmp five out/timm/classes.txt >>said &&
    /usr/bin/python3 -c 'import json; c = json.load(open("out/timm/config.json")); json.load(open("out/timm/origin.json"))
assert c["label_names"] == ["ant", "bee", "cat \"1\"", "dog", "emu"] and c["num_classes"] == 5, c
assert c["pretrained_cfg"]["first_conv"] == "stem.conv" and c["pretrained_cfg"]["crop_pct"] == 0.875, c' >>said 2>&1
ok $? "timm's folder: names, configuration"
[ -z "$(find . -name '*.tmp.*')" ]
ok $? "no temporary file is left"

# ---- logits ----
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    archive golden "$top_srcdir/tests/golden/r14x1-softmax.json" . || exit 1
    "$bit" ckpt import golden.npz golden >said 2>&1 && "$bit" ckpt export golden golden-out.npz >>said 2>&1 && "$bit" ckpt export golden golden-out.safetensors >>said 2>&1 &&
        "$bit" ckpt export --standardized golden golden-std.npz >>said 2>&1 && "$bit" ckpt export golden golden.onnx >>said 2>&1
    ok $? "the golden network in every format"
    for kind in npz timm; do
        file=golden-out.npz
        [ $kind = npz ] || file=golden-out.safetensors
        torch $kind $file input.npy >$kind.txt 2>said && archive near $kind.txt logits.txt 1e-4 >>said 2>&1
        ok $? "PyTorch has the golden logits from $file"
    done
    EPSILON=1e-3 torch npz golden-out.npz input.npy >other.txt 2>said && ! archive near other.txt logits.txt 1e-4 >>said 2>&1
    ok $? "an epsilon of 1e-3 shows in the logits"
    EPSILON=1e-8 torch npz golden-std.npz input.npy >std.txt 2>said && archive near std.txt logits.txt 1e-4 >>said 2>&1
    ok $? "--standardized: another epsilon does no harm"
    if /usr/bin/python3 -c 'import onnx' 2>/dev/null; then
        torch onnx golden.onnx input.npy >onnx.txt 2>said && archive near onnx.txt logits.txt 1e-4 >>said 2>&1
        ok $? "ONNX: checked, and the golden logits"
    else
        skip "ONNX: checked, and the golden logits" "python3-onnx is not there"
    fi
else
    skip "logits in PyTorch" "python3-torch is not there"
fi

# ---- a run ----
digits=$top_srcdir/data/digits
cat >job.json <<END
{"model": {"depth": 8, "width": 1}, "data": {"train": "$digits/train", "val": "$digits/val", "size": 32, "resize": 32, "mirror": false},
 "schedule": {"steps": 3, "warmup_steps": 1, "batch": 32}}
END
"$top_builddir/bitrun" job.json --out run >said 2>&1 && "$top_builddir/bitrun" job.json --out run --evaluate >>said 2>&1 &&
    "$bit" ckpt export run run.npz >>said 2>&1 && "$bit" ckpt import --job job.json run.npz imported >>said 2>&1 &&
    "$top_builddir/bitrun" job.json --out imported --evaluate >>said 2>&1 &&
    [ "$(grep '"loss"' run/evaluation.json)" = "$(grep '"loss"' imported/evaluation.json)" ]
ok $? "bitrun evaluates an imported run's weights to the same loss"
"$bit" ckpt import --job job.json files/good-plain.npz other >said 2>&1; [ $? = 64 ] && grep -q "has 10 classes" said
ok $? "a job whose data have more classes than the file is refused"
"$top_builddir/bitrun" job.json --set model.norm=batch --out batch >said 2>&1 && { "$bit" ckpt export batch batch.npz >said 2>&1; [ $? = 64 ]; } && grep -q "batch norm" said
ok $? "batch norm is refused, for no reader knows it here"
"$top_builddir/bitrun" job.json --set model.weight_standardization=false --out plain >said 2>&1 &&
    { "$bit" ckpt export plain plain.npz >said 2>&1; [ $? = 64 ]; } && grep -q "write .onnx" said && "$bit" ckpt export plain plain.onnx >said 2>&1
ok $? "without weight standardisation: .onnx alone"

# ---- hostile ----
mkdir hostile && archive hostile hostile || exit 1
for file in hostile/*.npz hostile/*.safetensors; do
    ( ulimit -v 2000000; "$bit" ckpt import "$file" refused ) >said 2>&1
    code=$?
    [ $code = 65 ] && grep -qF -- "$file: " said && grep -qE -- "$(sed 's/[()'"'"'"]/\\&/g; s/\\'"'"'/'"'"'/g' "${file%.*}.words")" said && [ ! -e refused/checkpoints/step-000000000000 ]
    ok $? "refused: $(basename "$file") ($code)"
    rm -rf refused
done
exit $bad
