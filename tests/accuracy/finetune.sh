#!/bin/bash
# Fine-tuning beside PyTorch's, on the same pictures, steps and rates: losses and accuracy. Skipped without python3-torch, -numpy, -pil.
. "$(dirname "$0")/../lib.sh"
needs bitrun
/usr/bin/python3 -c 'import torch, numpy, PIL' 2>/dev/null || exit 77
digits=$top_srcdir/data/digits
# Upstream: the digits 5 to 9.
for part in train val; do
    mkdir -p up/$part
    for class in 5 6 7 8 9; do ln -s "$digits/$part/$class" up/$part/$class; done
done
cat >up.json <<E2
{"model": {"depth": 14, "width": 1}, "data": {"train": "up/train", "val": "up/val", "size": 32, "resize": 32, "mirror": false, "crop": "random"},
 "schedule": {"steps": ${UP_STEPS:-250}, "batch": 32, "base_rate": 0.05, "base_batch": 32, "warmup_steps": 5, "decay_steps": []},
 "micro_batch": 16, "threads": 1, "seed": 3}
E2
"$top_builddir/bitrun" up.json --out up-run >said 2>&1
ok $? "an upstream run"
"$bit" ckpt export up-run start.npz >said 2>&1
ok $? "its weights as .npz"
for seed in ${SEEDS:-1 2 3}; do
    # Ten pictures of each digit, other ones for each seed; a batch is all of them.
    mkdir -p "few-$seed"
    for class in 0 1 2 3 4 5 6 7 8 9; do
        mkdir "few-$seed/$class"
        find "$digits/train/$class" -name '*.jpg' | sort | tail -n +$((10 * seed)) | head -n 10 | xargs -I{} ln -s {} "few-$seed/$class"
    done
    cat >"few-$seed.json" <<E2
{"task": "finetune", "model": {"start": "start.npz", "head_from": "zero"},
 "data": {"train": "few-$seed", "val": "$digits/val", "size": 32, "resize": 32, "crop": "squash", "evaluation_crop": "squash", "mirror": false, "mixup": 0},
 "schedule": {"steps": 40, "batch": 100, "base_rate": 0.3, "base_batch": 100, "warmup_steps": 5, "decay_steps": [20, 30]},
 "micro_batch": 20, "threads": 1, "seed": $seed, "precision": "float32"}
E2
    "$top_builddir/bitrun" "few-$seed.json" --out "run-$seed" >said 2>&1
    ok $? "fine-tuned, seed $seed"
    /usr/bin/python3 "$top_srcdir/tests/accuracy/torch_finetune.py" start.npz "run-$seed" "few-$seed" "$digits/val" >said 2>&1
    code=$?
    sed -n '1,5p; $p' said | sed 's/^/# /'
    ok $code "PyTorch finds the same losses and the same accuracy, seed $seed"
done
exit $bad
