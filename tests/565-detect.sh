#!/bin/bash
# Task detect from pictures and annotations to average precision: eight pictures are learned by heart; the same bits on any number of ranks;
# the boxes as COCO's result file, whose average precision bit coco finds again; from weights of classification.
. "$(dirname "$0")/lib.sh"
needs bitrun
mkdir "$scratch/pictures"
"$top_builddir/tests/golden/overfit_detect" --write "$scratch/pictures"
ok $? "eight pictures with boxes, made here"
cat >"$scratch/detect.json" <<END
{"name": "detect", "task": "detect", "model": {"depth": 14}, "threads": 1, "micro_batch": 2,
 "data": {"train": "pictures/boxes.json", "val": "pictures/boxes.json", "size": 128, "mirror": false, "loaders": 1},
 "detect": {"channels": 64, "layers": 2, "anchor_scale": 3, "scale_min": 1, "scale_max": 1},
 "schedule": {"steps": 80, "batch": 8, "base_rate": 0.02, "base_batch": 8, "warmup_steps": 10, "decay_steps": []},
 "evaluation": {"every_epochs": 0}, "checkpoint": {"every_minutes": 0, "background": false}}
END
short=(--set schedule.steps=3 --set detect.scale_min=0.8 --set detect.scale_max=1.2 --set data.mirror=true)
for ranks in 1 2 4; do
    run $ranks "$scratch/detect.json" --out "$scratch/short$ranks" "${short[@]}"
    ok $? "$ranks ranks train three steps with jitter and mirror"
done
same "2 ranks end with the weights of 1" "$(hash "$scratch/short2")" "$(hash "$scratch/short1")"
same "4 ranks end with the weights of 1" "$(hash "$scratch/short4")" "$(hash "$scratch/short1")"

# Stopped, killed, finished by another number of ranks each. Generations are whole folders named by their steps.
parts=(--out "$scratch/parts" "${short[@]}" --set schedule.steps=6 --set checkpoint.every_steps=2)
run 2 "$scratch/detect.json" --out "$scratch/whole" "${short[@]}" --set schedule.steps=6
ok $? "2 ranks train six steps undisturbed"
run 2 "$scratch/detect.json" "${parts[@]}" --steps-limit 1
same "2 ranks stop after a step" "$?:$(member "$scratch/parts" step)" 75:1
saved() { find "$scratch/parts/checkpoints" -maxdepth 1 -name '*00000[2-9]' | grep -q .; }
# Stopped as soon as they have a generation, so that none is at the end before it is killed.
$MPIRUN -n 4 "$bitrun" "$scratch/detect.json" "${parts[@]}" >"$scratch/said" 2>&1 &
launched=$!
wait_for 120 saved
ranks=$(pgrep -f -- "^$bitrun .*--out $scratch/parts ")
kill -KILL $ranks
same "4 ranks are killed after a checkpoint" "$(echo "$ranks" | wc -l):$(wait $launched || echo ended)" 4:ended
[ "$(member "$scratch/parts" state)" != "done" ]
ok $? "the killed run is not done"
run 1 "$scratch/detect.json" "${parts[@]}"
ok $? "1 rank finishes what 2 and 4 began"
same "stopped, killed and finished: the weights of the undisturbed run" "$(hash "$scratch/parts")" "$(hash "$scratch/whole")"
same "and its losses, each once" "$(losses "$scratch/parts")" "$(losses "$scratch/whole")"

judged() { grep '"kind":"evaluation"' "$1/metrics.jsonl" | sed 's/"seconds":[0-9.e-]*//'; }
same "4 ranks evaluate as 1" "$(judged "$scratch/short4")" "$(judged "$scratch/short1")"

run 1 "$scratch/detect.json" --out "$scratch/long"
ok $? "a rank learns the pictures by heart"
ap=$(sed -n 's/.*"kind":"evaluation".*"ap":\([0-9.]*\).*/\1/p' "$scratch/long/metrics.jsonl" | tail -n 1)
awk -v ap="$ap" 'BEGIN { exit !(ap >= 0.98) }'
ok $? "AP is 0.98 or more (found $ap)"
run 2 "$scratch/detect.json" --out "$scratch/long" --evaluate --predictions "$scratch/results.json"
ok $? "the boxes are written"
"$top_builddir/bit" coco "$scratch/pictures/boxes.json" "$scratch/results.json" >"$scratch/coco" 2>&1
ok $? "bit coco reads them"
same "their AP is the evaluation's" "$(awk '$1 == "AP" { printf "%.3f", $2 }' "$scratch/coco")" "$(printf '%.3f' "$ap")"

# bit predict says the same of the same pictures, draws it, and lets no name become markup.
mkdir "$scratch/others"
cp "$scratch"/pictures/*.png "$scratch/others/"
mv "$scratch/others/8.png" "$scratch/others/<img src=x onerror=alert(1)>\"'.png"
"$bit" predict "$scratch/long" "$scratch/others" --json --page "$scratch/page.html" >"$scratch/boxes.json" 2>"$scratch/said"
ok $? "bit predict finds boxes"
python3 - "$scratch" <<'PYTHON'
import json, sys
scratch = sys.argv[1]
rows, results = json.load(open(scratch + "/boxes.json")), json.load(open(scratch + "/results.json"))
assert len(rows) == 8 and all(row["width"] == row["height"] == 128 for row in rows)
names = {c["name"]: c["id"] for c in json.load(open(scratch + "/pictures/boxes.json"))["categories"]}
found = sorted((names[b["class"]], b["score"], *b["bbox"]) for row in rows for b in row["boxes"])
stated = sorted((r["category_id"], r["score"], *r["bbox"]) for r in results)
assert len(found) == len(stated) > 8
assert all(abs(x - y) < 1e-3 for a, b in zip(found, stated) for x, y in zip(a, b))
PYTHON
ok $? "its boxes are those of the evaluation"
same "its page has every picture" "$(grep -o '<figure>.*src="data:image/jpeg;base64,' "$scratch/page.html" | wc -l)" 8
! grep -q '<img src=x' "$scratch/page.html" && grep -q '&lt;img src=x onerror=alert(1)&gt;&quot;' "$scratch/page.html"
ok $? "a file name that is markup is text there"
"$bit" predict "$scratch/long" "$scratch/pictures/1.png" --csv --top 1 >"$scratch/csv" 2>"$scratch/said" && [ "$(wc -l <"$scratch/csv")" = 2 ]
ok $? "CSV: a header and the best box"
"$bit" predict "$scratch/long" "$scratch/pictures/1.png" --resize 100 >"$scratch/said" 2>&1
same "--resize is refused" $? 64
"$bit" embed "$scratch/long" "$scratch/pictures" "$scratch/out.csv" >"$scratch/said" 2>&1
same "bit embed has no use for boxes" $? 64
fails 64 1 "$scratch/detect.json" --out "$scratch/long" --evaluate --confusion "$scratch/confusion"
ok $? "--confusion is refused: it counts classes of images"

# The backbone of a classification run, or of files, and a new head; all of a detection run.
depth=14 job "$scratch/tiny.json"
run 1 "$scratch/tiny.json" --out "$scratch/tiny" --set schedule.steps=1
starts() { # NAME FROM ARGUMENT...: one step with a rate so small that the weights stay what they begin with
    local name=$1 from=$2
    shift 2
    run 1 "$scratch/detect.json" --out "$scratch/$name" --set schedule.steps=1 --set schedule.base_rate=1e-9 --set "model.start=$from" \
        --set schedule.weight_decay=0 --set data.val= "$@"
}
starts started "$scratch/tiny"
ok $? "detection begins with weights of classification"
grep -q 'a new head, for it has none of this kind' "$scratch/started/log.txt"; ok $? "and says that the head is new"
for kind in npz safetensors; do
    "$bit" ckpt export "$scratch/tiny" "$scratch/tiny.$kind" >"$scratch/said" 2>&1 && starts "$kind" "$scratch/tiny.$kind"
    ok $? "detection begins with a .$kind file"
    same "a .$kind file: the weights that its run gives" "$(hash "$scratch/$kind")" "$(hash "$scratch/started")"
done
starts again "$scratch/short1"
ok $? "detection begins with a detection"
grep -q 'its head too, for the classes are the same (4 of 4 classes taken over)' "$scratch/again/log.txt"
ok $? "and keeps its head"
sed 's/"name": *"\([a-z0-9 ]*\)"/"name":"other \1"/2' "$scratch/pictures/boxes.json" >"$scratch/pictures/others.json"
starts others "$scratch/short1" --set "data.train=$scratch/pictures/others.json"
ok $? "detection of other classes begins with a detection"
grep -q 'its pyramid and nets too, with the rows of classes of the same name (3 of 4 classes taken over)' "$scratch/others/log.txt"
ok $? "and keeps the pyramid, the nets and the rows of classes that it knows"
starts deeper "$scratch/short1" --set detect.layers=3
ok $? "a detection with other nets begins with a detection"
grep -q 'a new head, for it has none of this kind' "$scratch/deeper/log.txt"; ok $? "other nets: the head is new, and that is said"
fails 64 1 "$scratch/detect.json" --out "$scratch/refused" --set "model.start=$scratch/tiny" --set model.head_from=names
ok $? "classes by name of a start without boxes are refused"
grep -q 'no head of this kind (fpn/lateral3/kernel): model.head_from can be zero only' "$scratch/said"; ok $? "and the refusal says why"
exit $bad
