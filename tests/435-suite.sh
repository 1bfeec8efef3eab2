#!/bin/bash
# bit suite: many tasks from one set of weights; lists in the layout of VTAB-1k; killed and started again; bad suites.
. "$(dirname "$0")/lib.sh"
needs bitrun
BIT_LAUNCH=$top_srcdir/launcher/bit-launch
export BIT_LAUNCH
images "$scratch/data" 6
job "$scratch/up.json" 3
run 1 "$scratch/up.json" --out base --set checkpoint.every_steps=0 --set evaluation.every_steps=0
ok $? "the upstream run"
# Three tasks: a folder, and lists as VTAB-1k has them, path and number with a blank between.
mkdir -p sets/even sets/odd
for task in even odd; do
    for part in train val; do
        for class in 0 1 2 3 4 5; do
            [ $((class % 2)) = "$([ $task = even ] && echo 0 || echo 1)" ] || continue
            mkdir -p "sets/$task/images/$part"
            for file in "data/$part/$class"/*.jpg; do
                ln -sf "$scratch/$file" "sets/$task/images/$part/$class-$(basename "$file")"
                echo "images/$part/$class-$(basename "$file") $class"
            done
        done >"sets/$task/$part.txt"
    done
done
cat >suite.json <<EOF
{"name": "small", "seeds": [1, 2],
 "job": {"task": "finetune", "micro_batch": 4, "threads": 1, "backend": "openblas", "model": {"start": "base"},
         "data": {"size": 16, "mirror": false}, "schedule": {"batch": 8, "steps": 3}},
 "tasks": [
  {"name": "even", "group": "lists", "job": {"data": {"train": "sets/even/train.txt", "val": "sets/even/val.txt"}}},
  {"name": "odd", "group": "lists", "job": {"data": {"train": "sets/odd/train.txt", "val": "sets/odd/val.txt"}, "schedule": {"steps": 4}}},
  {"name": "all", "group": "folders", "job": {"data": {"train": "data/train", "val": "data/val"}}}]}
EOF
suite() { "$bit" suite suite.json --out runs "$@" >said 2>&1; }
suite --dry-run && [ "$(grep -c "^$BIT_LAUNCH runs/.*/seed-[12].json --out runs/" said)" = 6 ] && [ ! -e runs ]
ok $? "a dry run names six starts, and makes nothing"
suite --only even
ok $? "one task"
[ "$(value runs/even/seed-1/outcome.json state)" = '"finished"' ] && [ ! -e runs/odd ] && grep -qE '^even .* 2/2 [0-9a-f]{16} [0-9a-f]{16}$' said
ok $? "its runs, and its row with the checksums of its lists"
stamp=$(stat -c %Y%i runs/even/seed-1/outcome.json)
"$bit" suite suite.json --out runs --parallel 2 -- --no-bind >said 2>&1 &
process=$!
wait_for 60 test -d runs/odd/seed-1
kill -TERM $process
wait $process; code=$?
[ $code = 75 ]
ok $? "TERM ends it with 75"
[ -z "$(ls runs/all 2>/dev/null)" ]
ok $? "nothing was started after that"
suite; code=$?
[ $code = 0 ] && [ "$(stat -c %Y%i runs/even/seed-1/outcome.json)" = "$stamp" ]
ok $? "the same command goes on, and leaves alone what has finished"
grep -qE '^all .* 2/2$' said && grep -qE '^mean +lists' said && grep -qE '^mean +folders' said && grep -qE '^mean over all tasks +[0-9]' said
ok $? "the table: tasks, groups, all"
/usr/bin/python3 - <<'PYTHON' >said 2>&1
import json, statistics
results = json.load(open("runs/results.json"))
medians = []
for task in results["tasks"]:
    values = [json.load(open(r["folder"] + "/outcome.json"))["top1"] for r in task["runs"]]
    assert task["median"] == statistics.median(values) and task["least"] == min(values) and abs(task["deviation"] - statistics.stdev(values)) < 1e-12, task
    medians.append(task["median"])
assert abs(results["mean"] - statistics.mean(medians)) < 1e-12
assert abs(results["groups"]["lists"]["mean"] - statistics.mean(medians[:2])) < 1e-12
PYTHON
ok $? "results.json against Python's statistics"
suite --results --json && grep -q '"name":"small"' said
ok $? "the results alone"
steps=$(value runs/odd/seed-2/outcome.json steps)
[ "$steps" = 4 ] && grep -q '"seed":2' runs/odd/seed-2.json && grep -q '"per_class_seed":2' runs/odd/seed-2.json
ok $? "keys of the suite, of the task, of the seed"

# ---- few-shot: fine-tuning and a probe side by side, on the same images ----
# Every other training image is broken: both ways name those of them that they draw.
cp -rL data/train some
i=0
for file in some/*/*.jpg; do
    i=$((i + 1))
    [ $((i % 2)) = 0 ] || echo "not a picture" >"$file"
done
cat >few.json <<EOF
{"name": "few", "seeds": [3, 1], "shots": [1, 3, "all"], "probe": {"l2": 10, "size": 16},
 "job": {"task": "finetune", "micro_batch": 4, "threads": 1, "backend": "openblas", "model": {"start": "base"},
         "data": {"size": 16, "mirror": false}, "schedule": {"batch": 8, "steps": 6}},
 "tasks": [{"name": "some", "group": "g", "job": {"data": {"train": "some", "val": "data/val", "bad_share": 1}}},
           {"name": "whole", "group": "g", "job": {"data": {"train": "data/train", "val": "data/val"}}}]}
EOF
few() { "$bit" suite few.json --out few --threads 1 "$@" >said 2>&1; }
few --dry-run && [ "$(grep -c 'probe .*--draw job .*--shots 1,3,1000000 --seeds 1,3 .*--l2 10' said)" = 2 ] &&
    [ "$(grep -c 'bit-launch few/.*/shots-[13a][l]*/seed-[13].json' said)" = 12 ] && [ ! -e few ]
ok $? "a dry run names probes and runs of all numbers of images, and makes nothing"
sed 's/"seeds": .3, 1., "shots": .*"all".,/"seeds": [1], "shots": [3],/' few.json >broken.json
"$bit" suite broken.json --out few --threads 1 --only some >said 2>&1 && grep -q '"shots":3,"finished":1' few/results.json
ok $? "a few-shot run and its probe"
# The images that both ways could not read: of 3 a class and seed 1, the draw that has those of 1 a class in it.
"$bit" probe base some data/val --draw job --shots 3 --seeds 1 --no-neighbours --size 16 >out 2>err
grep -o 'some/[0-9]*/[^ :]*' err | sed 's,^some/,,' | sort -u >by-probe
cut -f 2 few/some/shots-3/seed-1/quarantine.tsv | grep -o '[0-9]*/[^/]*[.]jpg' | sort -u >by-run
[ -s by-probe ] && cmp by-probe by-run
ok $? "fine-tuning and the probe draw the same images"
few --only whole
[ "$(ls few/whole/probe-*.json | wc -l)" = 1 ] && grep -qE '^whole +g +1 .* [|] .* 2/2$' said && grep -qE '^mean +g +all .* [|] ' said
ok $? "the table has both side by side"
/usr/bin/python3 - few/results.json few/whole/probe-*.json >said 2>&1 <<'PYTHON'
import json, statistics, sys
results, probe = (json.load(open(name)) for name in sys.argv[1:])
rows = results["tasks"]
assert [row["shots"] for row in rows] == [1, 3, 0] and [run["seed"] for run in rows[0]["runs"]] == [3, 1]
for row, probed in zip(rows, probe["probe"]):
    own = [run["value"] for run in row["runs"]]
    theirs = {seed["seed"]: seed["accuracy"] for seed in probed["seeds"]}
    assert row["median"] == statistics.median(own) and row["least"] == min(own)
    assert [run["probe"] for run in row["runs"]] == [theirs[3], theirs[1]]
    assert abs(row["probe_median"] - statistics.median(theirs.values())) < 1e-12 and row["probe_most"] == max(theirs.values())
assert [row["shots"] for row in results["shots"]] == [1, 3, 0] and results["shots"][1]["probe"] == rows[1]["probe_median"]
assert [seed["train_images"] for seed in probe["probe"][1]["seeds"]] == [30, 30] and probe["draw"] == "job" and probe["l2"] == 10
PYTHON
ok $? "results.json has what the runs and the probe have"
stamp=$(stat -c %Y%i few/whole/probe-*.json)
few --only whole && [ "$(stat -c %Y%i few/whole/probe-*.json)" = "$stamp" ] && ! grep -q '^bit suite:' said
ok $? "nothing is done again"
sed 's/"l2": 10/"l2": 20/' few.json >few2.json
"$bit" suite few2.json --out few --only whole >said 2>&1 && [ "$(grep -c '^bit suite:' said)" = 1 ] && [ "$(ls few/whole/probe-*.json | wc -l)" = 2 ]
ok $? "another question is asked again"

# ---- refusals: nothing is started ----
refuse() { # CODE PATTERN NAME SED-EXPRESSION [SUITE]: of a changed suite
    sed "$4" "${5:-suite.json}" >bad.json
    "$bit" suite bad.json --out never >said 2>&1
    [ $? = "$1" ] && grep -q "$2" said && [ ! -e never ]
    ok $? "$3"
}
refuse 64 'task odd.*schedule.steps' "a task's bad key, by task and key" 's/"steps": 4/"steps": -4/'
refuse 66 'task even: there is no file or folder' "a task whose lists are not there" 's,sets/even/val,sets/even/nothing,'
refuse 64 'another task has it already' "two tasks of one name" 's/"odd"/"even"/'
refuse 64 'for a folder' "a name that is no folder's" 's,"name": "odd","name": "../up",'
refuse 64 'twice' "a seed twice" 's/\[1, 2\]/[1, 1]/'
refuse 64 'an unknown key' "an unknown key" 's/"seeds"/"colour": 1, "seeds"/'
refuse 64 'data.val is missing' "a task without images to be judged on" 's/, "val": "data\/val"//'
refuse 64 'shots: expected a list' "shots that do not ascend" 's/\[1, 3, /[3, 1, /' few.json
refuse 64 'shots: expected a list' "all images before fewer" 's/, "all"\]/, "all", 5]/' few.json
refuse 64 'the key shots beside it' "a probe without shots" 's/"shots": \[.*"all"\],//' few.json
refuse 64 'probe: resize: expected' "a probe's bad option" 's/"l2": 10/"resize": 0/' few.json
refuse 64 'few-shot\|data.per_class' "shots, and a job's own" 's/"mirror"/"per_class": 2, "mirror"/' few.json
refuse 64 'model.start is missing' "a probe of no weights" 's/"model": {"start": "base"},/"schedule": {"steps": 8},/; s/"task": "finetune", //; s/, "schedule": {"batch": 8, "steps": 6}}/}/' few.json
"$bit" suite suite.json --out never --only nothing >said 2>&1; [ $? = 64 ] && [ ! -e never ]
ok $? "--only with a name that is none of them"
"$bit" suite "$top_srcdir/jobs/suites/vtab-1k.json" --start base --out never >said 2>&1; [ $? = 66 ] && grep -q 'task caltech101: there is no file' said
ok $? "VTAB-1k is read, and misses its data"
exit $bad
