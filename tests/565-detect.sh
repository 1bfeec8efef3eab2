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
[ "$(member "$scratch/parts" state)" != done ]
ok $? "the killed run is not done"
run 1 "$scratch/detect.json" "${parts[@]}"
ok $? "1 rank finishes what 2 and 4 began"
same "stopped, killed and finished: the weights of the undisturbed run" "$(hash "$scratch/parts")" "$(hash "$scratch/whole")"
same "and its losses, each once" "$(losses "$scratch/parts")" "$(losses "$scratch/whole")"

judged() { grep '"kind":"evaluation"' "$1/metrics.jsonl" | sed 's/"seconds":[0-9.e-]*//'; }
same "4 ranks evaluate as 1" "$(judged "$scratch/short4")" "$(judged "$scratch/short1")"

run 2 "$scratch/detect.json" --out "$scratch/long"
ok $? "2 ranks learn the pictures by heart"
ap=$(sed -n 's/.*"kind":"evaluation".*"ap":\([0-9.]*\).*/\1/p' "$scratch/long/metrics.jsonl" | tail -n 1)
awk -v ap="$ap" 'BEGIN { exit !(ap >= 0.98) }'
ok $? "AP is 0.98 or more (found $ap)"
run 2 "$scratch/detect.json" --out "$scratch/long" --evaluate --predictions "$scratch/results.json"
ok $? "the boxes are written"
"$top_builddir/bit" coco "$scratch/pictures/boxes.json" "$scratch/results.json" >"$scratch/coco" 2>&1
ok $? "bit coco reads them"
same "their AP is the evaluation's" "$(awk '$1 == "AP" { printf "%.3f", $2 }' "$scratch/coco")" "$(printf '%.3f' "$ap")"
fails 64 1 "$scratch/detect.json" --out "$scratch/long" --evaluate --confusion "$scratch/confusion"
ok $? "--confusion is refused: it counts classes of images"

# The backbone of a classification run, a new head.
depth=14 job "$scratch/tiny.json"
run 1 "$scratch/tiny.json" --out "$scratch/tiny" --set schedule.steps=1
run 1 "$scratch/detect.json" --out "$scratch/started" --set schedule.steps=1 --set "model.start=$scratch/tiny"
ok $? "detection begins with weights of classification"
grep -q 'a new head' "$scratch/started/log.txt"; ok $? "and says that the head is new"
exit $bad
