#!/bin/bash
# Fine-tuning: starts from a run, a generation, .npz, .safetensors; the same bits on 1, 2 and 4 ranks, interrupted or not; what the
# rule chooses; what becomes of the head; freezing, clipping, dropout, MixUp, decay to the start.
. "$(dirname "$0")/lib.sh"
needs bitrun
up=$scratch/up.json down=$scratch/down.json
# Upstream: the digits 0 to 5; downstream: 4 to 9.
images "$scratch/data" 7
for part in train val; do
    mkdir -p "$scratch/up/$part" "$scratch/down/$part"
    for k in 0 1 2 3 4 5; do ln -s "../../data/$part/$k" "$scratch/up/$part/$k"; done
    for k in 4 5 6 7 8 9; do ln -s "../../data/$part/$k" "$scratch/down/$part/$k"; done
done
cat >"$up" <<EOF
{"model": {"depth": 8}, "data": {"train": "up/train", "val": "up/val", "size": 16, "resize": 16, "mirror": false},
 "schedule": {"steps": 6, "batch": 16, "base_rate": 0.5, "warmup_steps": 1, "decay_steps": []},
 "micro_batch": 4, "threads": 1, "backend": "openblas", "seed": 7, "evaluation": {"every_epochs": 0}}
EOF
cat >"$down" <<EOF
{"task": "finetune", "model": {"start": "base"}, "data": {"train": "down/train", "val": "down/val", "size": 16, "mirror": false},
 "schedule": {"batch": 16, "steps": 8}, "micro_batch": 4, "threads": 1, "backend": "openblas", "seed": 3,
 "checkpoint": {"every_steps": 3}}
EOF
run 1 "$up" --out base
ok $? "the upstream run"
tune() { # FOLDER RANKS ARGUMENT...
    local folder=$1 ranks=$2
    shift 2
    run "$ranks" "$down" --out "$folder" "$@"
}
trained() { hash "$1"; }
backbone() { # RUN: hash of all parameters but the head's
    "$bit" ckpt show "$1" --json | tr '{' '\n' | grep -v 'resnet/head' | grep -o '"name": *"[^"]*".*"hash": *"[^"]*"' | md5sum
}

# ---- the same bits ----
hard=(--set data.mixup=0.4 --set model.dropout=0.3 --set optimizer.clip_norm=0.5 --set schedule.start_decay=0.01)
for ranks in 1 2 4; do
    tune "plain-$ranks" $ranks
    ok $? "fine-tuned on $ranks ranks"
    tune "hard-$ranks" $ranks "${hard[@]}"
    ok $? "with MixUp, dropout, clipping and decay to the start on $ranks ranks"
done
for ranks in 2 4; do
    same "the same weights on 1 and $ranks ranks" "$(trained plain-1)" "$(trained plain-$ranks)"
    same "the same weights on 1 and $ranks ranks with everything" "$(trained hard-1)" "$(trained hard-$ranks)"
done
[ "$(trained plain-1)" != "$(trained hard-1)" ]
ok $? "MixUp, dropout, clipping and decay change the weights"
for key in data.mixup=0.4 model.dropout=0.3 optimizer.clip_norm=0.5 schedule.start_decay=0.5; do
    tune "one-$key" 1 --set "$key" && [ "$(trained plain-1)" != "$(trained "one-$key")" ]
    ok $? "$key alone changes the weights"
done
tune parts 1 "${hard[@]}" --steps-limit 2; [ $? = 75 ] && { tune parts 2 "${hard[@]}" --steps-limit 4; [ $? = 75 ]; } && tune parts 4 "${hard[@]}"
ok $? "interrupted twice"
same "interrupted or not, on other ranks: the same weights" "$(trained parts)" "$(trained hard-1)"
same "the same losses" "$(losses parts)" "$(losses hard-1)"

# ---- where it begins ----
cp plain-1/job.json settled.json
run 1 settled.json --out settled && [ "$(trained settled)" = "$(trained plain-1)" ]
ok $? "the run's own job.json, in which everything is settled, gives the same weights"
"$bit" ckpt export base base.npz >said 2>&1 && "$bit" ckpt export base base.safetensors >>said 2>&1 && "$bit" ckpt export base folder/ >>said 2>&1
ok $? "the upstream weights in other forms"
generation=$(ls -d base/checkpoints/step-*)
for start in "$generation" base.npz base.safetensors folder; do
    tune "from-$(basename "$start")" 2 --set "model.start=$start" --set model.head_from=zero
    same "from $(basename "$start"): the same weights" "$(trained "from-$(basename "$start")")" "$(trained plain-1)"
done
said_of() { tune "$@" >/dev/null 2>&1; grep -o 'begins with.*' said; }
grep -q 'new head, for the classes are others' <(said_of a 1 --steps-limit 1)
ok $? "other classes: a new head"
grep -q 'new head, for it does not say its classes' <(said_of b 1 --steps-limit 1 --set model.start=base.npz)
ok $? "classes that are not known: a new head"
grep -q '(2 of 6 classes taken over)' <(said_of c 1 --steps-limit 1 --set model.head_from=names)
ok $? "rows of the classes with the same names"
grep -q 'row by row (6 of 6' <(said_of d 1 --steps-limit 1 --set model.head_from=order --set model.start=base.npz)
ok $? "row by row"
grep -q 'its head too, for the classes are the same (6 of 6' <(said_of e 1 --steps-limit 1 --set data.train=up/train --set data.val=up/val)
ok $? "the same classes: the head is kept"
grep -q 'its head too, for the classes are the same' <(said_of f 1 --steps-limit 1 --set data.train=up/train --set data.val=up/val --set model.start=folder)
ok $? "the same classes, named by classes.txt of an exported folder"
run 1 "$up" --out more --set model.start=base --steps-limit 1; [ $? = 75 ] && grep -q 'begins with' said
ok $? "pre-training can begin with weights, too"

# ---- what trains ----
tune head 1 --set 'optimizer.block_rates=[0,0,0,0,0,1]' && "$bit" ckpt export head head.npz >>said 2>&1
ok $? "only the head trains"
tune upper 2 --set 'optimizer.block_rates=[0,0,1,1,1,1]' && "$bit" ckpt export upper upper.npz >>said 2>&1 && "$bit" ckpt export plain-1 plain.npz >>said 2>&1
ok $? "the root and block 1 are frozen"
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    /usr/bin/python3 - >said 2>&1 <<'PYTHON'
import numpy as np
base, head, upper, plain = (np.load(n + ".npz") for n in ("base", "head", "upper", "plain"))
for name in base.files:
    is_head, low = "/head/" in name, "root_block" in name or "block1/" in name
    if not is_head:
        assert np.array_equal(base[name], head[name]), name
        assert np.array_equal(base[name], upper[name]) == low, name
        assert not np.array_equal(base[name], plain[name]), name
    else:
        assert np.any(head[name]), name
PYTHON
    ok $? "what is frozen is as it was, and everything else has moved"
else
    skip "what is frozen is as it was, and everything else has moved" "no numpy"
fi

# ---- few-shot, rule ----
tune few 2 --set data.per_class=2 --set schedule.steps=3 && grep -q 'data: 12 training and' said
ok $? "two images of each class"
"$bit" plan "$down" >plan 2>said && grep -q 'schedule.base_rate  *0.003 ' plan && grep -q 'model.depth  *8 .*as model.start has it' plan &&
    grep -q 'schedule.decay_steps  *\[2,5,7\]' plan && ! grep -q warning: plan
ok $? "bit plan says what the rule chose, and why"
"$bit" plan --json "$down" >plan.json 2>said && grep -q '"rule":"paper","choices":\[{"key":"model.depth","value":"8","reason":"as model.start' plan.json
ok $? "bit plan --json, too"
away=(--images 20000 --classes 10 --set model.start=/nowhere.npz --set schedule.steps=null --set schedule.batch=null --set data.size=null --set threads=1)
"$bit" plan "$down" "${away[@]}" >said 2>&1; [ $? = 66 ] && grep -q 'finetune.pixels' said
ok $? "a plan without the images needs their size"
"$bit" plan "$down" "${away[@]}" --set finetune.pixels=50176 >said 2>&1; [ $? = 66 ] && grep -q 'give model.depth and model.width' said
ok $? "a plan without the weights needs their network"
"$bit" plan "$down" "${away[@]}" --set finetune.pixels=50176 --set model.depth=50 --set model.width=1 >plan 2>said &&
    grep -q 'schedule.steps  *10000' plan && grep -q 'data.size  *384' plan && grep -q 'data.mixup  *0.1' plan
ok $? "a plan of 20,000 images without images and weights"

# ---- refusals ----
fails 66 2 "$down" --out g --set model.start=nowhere && grep -q 'model.start' said
ok $? "weights that are not there"
fails 64 2 "$down" --out g --set model.depth=14 && grep -q 'model.depth' said
ok $? "weights of another depth"
fails 64 1 "$down" --out g --set model.head_from=order --set model.classes=7 && grep -q '6 classes, this run 7' said
ok $? "a head of another size, row by row"
head -c 100000 base.npz >torn.npz
fails 65 2 "$down" --out g --set model.start=torn.npz && grep -q 'torn.npz' said
ok $? "a torn archive"
fails 64 1 "$down" --out plain-2 --set data.mixup=0.2 && grep -q 'data.mixup was 0, is 0.2' said
ok $? "another recipe is refused on resume"
run 1 "$up" --out other --set seed=8 && tune pull 1 --set schedule.start_decay=0.1 --steps-limit 3
fails 64 1 "$down" --out pull --set schedule.start_decay=0.1 --set model.start=other && grep -q 'other weights than those' said
ok $? "decay to the start: another start is refused on resume"
exit $bad
