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

# ---- refusals: nothing is started ----
refuse() { # CODE PATTERN NAME SED-EXPRESSION: of a changed suite
    sed "$4" suite.json >bad.json
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
"$bit" suite suite.json --out never --only nothing >said 2>&1; [ $? = 64 ] && [ ! -e never ]
ok $? "--only with a name that is none of them"
"$bit" suite "$top_srcdir/jobs/suites/vtab-1k.json" --start base --out never >said 2>&1; [ $? = 66 ] && grep -q 'task caltech101: there is no file' said
ok $? "VTAB-1k is read, and misses its data"
exit $bad
