#!/bin/bash
# bit plan: its numbers, where the number of images comes from, what cannot run, and every warning.
. "$(dirname "$0")/lib.sh"
needs cli

cat >job.json <<'JSON'
{
  "model": {"depth": 14, "classes": 10},
  "data": {"train": "images/train", "val": "images/val", "images": 6400, "val_images": 100, "size": 32},
  "schedule": {"epochs": 10, "batch": 64, "warmup_steps": 100, "decay_epochs": [4, 8]}
}
JSON
plan() { "$bit" plan job.json "$@"; }

expect 0 "images as stated in the job" plan -n 2
says out "6,400 for training, 100 for validation (as stated in the job: its data are not here)"
says out "1,000 of 64 images, 100 an epoch, 10 epochs"
says out "0.0075 at step 100 (epoch 1), after a linear warm-up"
says out "0.00075 from step 400 (epoch 4)"
says out "7.5e-05 from step 800 (epoch 8)"
says out "4 micro-batches of 8 images a rank and step"
expect 0 "images as given" plan --images 640
says out "640 for training"
says out "as given with --images"
expect 66 "no number of images" plan --set data.images=0
says err "give --images N"
expect 66 "no number of classes" plan --set model.classes=0
says err "--classes N"
expect 0 "a number of classes" plan --set model.classes=0 --classes 7
says out "7 classes"

mkdir -p images/train/{a,b,c} images/val/{a,b,c}
for class in a b c; do
    for i in 1 2 3 4; do echo x >images/train/$class/$i.jpg; done
    echo x >images/val/$class/1.jpg
done
expect 0 "images as counted" plan --set model.classes=0
says out "3 classes"
says out "12 for training, 3 for validation"
says out "a step sees images twice"
expect 64 "more classes than outputs" plan --set model.classes=2
says err "model.classes"

expect 64 "ranks that cannot share the batch" plan -n 3 --images 6400
says err "2 ranks would do"
expect 64 "more ranks than micro-batches" plan -n 16 --images 6400
says err "8 ranks would do"
expect 64 "no ranks" plan -n 0
expect 64 "negative ranks" plan -n -4
expect 64 "a bad number" plan --images 1e3
expect 64 "two jobs" plan other.json
expect 64 "a bad override" plan --set model.depth=15
says err "expected one of 8, 14, 26, 50, 101, 152, found 15"
expect 66 "no such job" "$bit" plan nowhere.json
expect 64 "a bad job" "$bit" plan "$top_srcdir/tests/job/invalid/steps-and-epochs.json"

# Warnings: each appears when it should; a quiet job has none but for this machine.
warns() { # warns TEXT ARGUMENTS...
    local text=$1
    shift
    plan --images 6400 --classes 10 "$@" >out 2>err
    says out "warning: $text"
}
expect 0 "a quiet job" plan --images 6400 --classes 10 --set threads=1
! grep -q warning: out; ok $? "it has no warning"
warns "schedule.warmup_steps: the warm-up (101 steps) is longer than a tenth" --set schedule.warmup_steps=101
warns "schedule.warmup_steps: the warm-up (1000 steps) is as long as the run" --set schedule.warmup_steps=1000
warns "schedule.decay_epochs: the decay at step 1000 comes after the end" --set 'schedule.decay_epochs=[5, 10]'
warns "schedule.decay_steps: the decay at step 50 falls into the warm-up" --set 'schedule.decay_steps=[50]'
warns "schedule.decay_steps: the first decay comes after 11 % of the run" --set 'schedule.decay_steps=[110]'
warns "schedule.weight_decay: a weight decay of 0 " --set schedule.weight_decay=0
warns "checkpoint: neither every_steps nor every_minutes" --set checkpoint.every_minutes=0
warns "checkpoint.every_steps: the first generation" --set checkpoint.every_minutes=0 --set checkpoint.every_steps=1000
warns "data.val: there are no validation images" --set data.val=
warns "evaluation: nothing is evaluated" --set evaluation.at_end=false --set evaluation.every_epochs=0
warns "3 ranks are not a power of two" -n 3 --set schedule.batch=96
warns "model.batch_norm_scope: batch norm over a rank's 8 images" --set model.norm=batch --set model.batch_norm_scope=rank -n 8
warns "backend: reference is for tests" --set backend=reference
warns "threads: 1 rank x 4000 threads on a machine with" --set threads=4000
warns "4 ranks need" -n 4 --set model.depth=152 --set model.width=32 --set micro_batch=16
warns "checkpoint.keep: 100000 generations" --set checkpoint.keep=100000 --set model.depth=152 --set model.width=32

if command -v python3 >/dev/null; then
    expect 0 "JSON" plan -n 2 --images 6400 --json --set schedule.warmup_steps=200
    python3 - <<'PYTHON'
import json, sys
p = json.load(open("out"))
m = p["memory"]
ok = (p["steps"], p["ranks"], p["micro_batches"], p["classes"]) == (1000, 2, 4, 10)
ok &= abs(p["peak_rate"] - 0.0075) < 1e-15 and [d["step"] for d in p["decays"]] == [400, 800]
ok &= abs(p["decays"][1]["rate"] - 7.5e-5) < 1e-18 and p["parameters"] == 8028746
ok &= m["total"] == sum(v for k, v in m.items() if k != "total") and m["weights"] >= 4 * p["parameters"]
ok &= abs(2 * m["momentum"] - m["weights"]) <= 2 and p["checkpoint_bytes"] >= 8 * p["parameters"]
ok &= any("warm-up (200 steps)" in w for w in p["warnings"])
sys.exit(not ok)
PYTHON
    ok $? "bit plan --json has the numbers of the plan"
fi
if [ -c /dev/full ]; then
    plan --images 6400 >/dev/full 2>err
    ok $(($? != 74)) "a full disk is not success"
fi
exit $bad
