#!/bin/bash
# Interrupted and resumed equals uninterrupted, within an epoch, across numbers of ranks.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
run 2 "$scratch/tiny.json" --out "$scratch/whole"
ok $? "the uninterrupted run"

# part RANKS STEPS: some steps of the same run
part() {
    run "$1" "$scratch/tiny.json" --out "$scratch/parts" --steps-limit "$2"
}
part 1 1; [ $? = 75 ]; ok $? "one rank stops after 1 step with exit 75"
[ "$(value "$scratch/parts/outcome.json" state)" = '"stopped"' ]; ok $? "its outcome says stopped"
part 4 3; [ $? = 75 ]; ok $? "4 ranks go on for 3 steps, up to an evaluation that is left to the next"
part 2 2; [ $? = 75 ]; ok $? "2 ranks go on for 2 steps"
run 1 "$scratch/tiny.json" --out "$scratch/parts"
ok $? "one rank finishes what 1, 4 and 2 ranks began"
same "weights equal the uninterrupted run's" "$(hash "$scratch/parts")" "$(hash "$scratch/whole")"
same "losses and evaluations of the parts are the uninterrupted run's, each once" "$(losses "$scratch/parts")" "$(losses "$scratch/whole")"
same "resumes are counted" "$(value "$scratch/parts/outcome.json" resumes)" 3

# Metrics beyond the newest generation are cut, a torn line too.
run 2 "$scratch/tiny.json" --out "$scratch/cut" --steps-limit 4
printf '{"kind":"step","step":5,"epoch":9,"loss":99,"rate":1}\n{"kind":"evaluation","step":5,"epoch":9,"loss":99,"top1":1}\n{"kind":"ste' \
    >> "$scratch/cut/metrics.jsonl"
run 1 "$scratch/tiny.json" --out "$scratch/cut"
ok $? "a run with lines of the future in its metrics resumes"
same "lines of the future are gone from the metrics" "$(losses "$scratch/cut")" "$(losses "$scratch/whole")"

# What may change, and what must not.
fails 64 1 "$scratch/tiny.json" --out "$scratch/parts" --set model.width=2
ok $? "another model is refused"
grep -q 'model\.width' "$scratch/said"
ok $? "another model: the refusal names the key"
run 1 "$scratch/tiny.json" --out "$scratch/parts" --set model.classes=10
ok $? "the number of classes that the data have, written out, is the same model"
fails 64 1 "$scratch/tiny.json" --out "$scratch/parts" --set model.classes=12
ok $? "another number of classes is refused"
grep -q 'model\.classes: 10 in the checkpoint, 12 in the job' "$scratch/said"
ok $? "another number of classes: the refusal names both numbers"
fails 64 2 "$scratch/tiny.json" --out "$scratch/cut" --set schedule.weight_decay=0.5
ok $? "another recipe is refused"
grep -q 'schedule\.weight_decay was 0\.0001, is 0\.5' "$scratch/said"
ok $? "another recipe: the refusal names key and values"
run 1 "$scratch/tiny.json" --out "$scratch/cut" --set schedule.steps=9 --set schedule.weight_decay=0.5 --force
ok $? "--force accepts it, and a longer run is fine"
run 2 "$scratch/tiny.json" --out "$scratch/parts" --set schedule.steps=9 --set checkpoint.keep=1
ok $? "a longer run goes on without --force"
[ "$(hash "$scratch/parts")" != "$(hash "$scratch/cut")" ] && [ "$(value "$scratch/parts/outcome.json" step)" = 9 ]
ok $? "a longer run has a step more"
touch "$scratch/data/train/0/new.jpg"
fails 65 1 "$scratch/tiny.json" --out "$scratch/parts" --set schedule.steps=10
ok $? "changed images are refused"
rm "$scratch/data/train/0/new.jpg"
mkdir "$scratch/data/train/zzz"
cp -L "$scratch/data/train/0/"*0.jpg "$scratch/data/train/zzz/" 2>/dev/null || cp -L "$(find "$scratch/data/train/0" -name '*.jpg' | head -n 1)" "$scratch/data/train/zzz/"
fails 64 1 "$scratch/tiny.json" --out "$scratch/parts" --set schedule.steps=10 --force
ok $? "other classes are refused even with --force"
exit $bad
