#!/bin/bash
# A probe of the features while they are trained: the counts of bit probe, the same at 1, 2 and 3 ranks and after interruptions.
. "$(dirname "$0")/lib.sh"
needs cli bitrun
job tiny.json 8
probe=(--set probe.train="$scratch/data/train" --set probe.test="$scratch/data/val" --set probe.every_steps=3 --set "probe.shots=1,4" --set probe.l2=512)
run 1 tiny.json --out one "${probe[@]}"
ok $? "a run with a probe"
# lines RUN: kind and step of evaluations and probes; probes RUN: without what time it took
lines() { sed -n 's/^{"kind":"\(evaluation\|probe\)","step":\([0-9]*\),.*/\1 \2/p' "$1/metrics.jsonl" | tr '\n' ' '; }
probes() { sed -n '/^{"kind":"probe"/s/"seconds":[^,]*,//p' "$1/metrics.jsonl"; }
same "when it is due, behind evaluations" "$(lines one)" "probe 3 evaluation 4 probe 6 evaluation 8 probe 8 "
grep -q 'probe at step 8: 1 a class [0-9.]* %, 4 a class [0-9.]* %, 70 images' said
ok $? "the log says the medians"
"$bit" probe one "$scratch/data/train" "$scratch/data/val" --shots 1,4 --l2 512 --no-neighbours --json --backend openblas >probe.json 2>said
python3 - <<'PYTHON'
import json
ours = [json.loads(line) for line in open("one/metrics.jsonl") if '"kind":"probe"' in line][-1]
theirs = json.load(open("probe.json"))
assert ours["step"] == 8 and ours["probe"] == theirs["probe"] and ours["l2"] == 512 and len(ours["probe"][0]["seeds"]) == 3
PYTHON
ok $? "bit probe counts the same with the weights of the end"
run 2 tiny.json --out two "${probe[@]}" && [ "$(probes two)" = "$(probes one)" ]
ok $? "two ranks probe the same"
run 3 tiny.json --out three "${probe[@]}" --set micro_batch=1 --set schedule.batch=15 && [ "$(lines three)" = "$(lines one)" ]
ok $? "three ranks"
run 1 tiny.json --out parts "${probe[@]}" --steps-limit 3
[ $? = 75 ] && run 2 tiny.json --out parts "${probe[@]}" && [ "$(probes parts)" = "$(probes one)" ]
ok $? "stopped where a probe is due, resumed on two ranks: no probe is lost or made twice"
same "weights do not depend on probes" "$(hash one)" "$(run 1 tiny.json --out plain >/dev/null && hash plain)"
expect 0 "bit check looks into the images" "$bit" check --data tiny.json "${probe[@]}"
says out "probe.test"
mkdir -p one/other/0 one/other/new
cp -L data/val/0/*.jpg one/other/0/
cp -L data/val/1/*.jpg one/other/new/
fails 65 1 tiny.json --out bad "${probe[@]}" --set probe.test="$scratch/one/other"
ok $? "test images of another class: 65"
fails 66 1 tiny.json --out bad "${probe[@]}" --set probe.test="$scratch/nowhere"
ok $? "no test images: 66"
# ---- the curves ----
"$bit" plot one -o page >said 2>&1 && "$bit" report one three -o both >>said 2>&1
ok $? "pages of runs with probes"
cat >curves.py <<'PYTHON'
import json, re
def curves(page, title):
    text = open(page).read()
    data = json.loads(re.search(r"<script id=data type='application/json'>(.*?)</script>", text, re.S).group(1))
    titles = re.findall(r"<h2>([^<]*)", text)
    assert title in [t.strip() for t in titles], titles
    return [chart for chart in data if chart and chart[0]["x"] == [3, 6, 8]]
lines = [json.loads(line) for line in open("one/metrics.jsonl") if '"kind":"probe"' in line]
[chart] = curves("page", "Probe")
assert [c["name"] for c in chart] == ["1 a class", "4 a class"]
for i, curve in enumerate(chart):
    assert all(abs(y - line["probe"][i]["median"]) < 1e-6 for y, line in zip(curve["y"], lines)) and len(curve["y"]) == 3
[chart] = curves("both", "Probe of the features")
assert [c["name"] for c in chart] == ["one", "three"] and all(abs(y - l["probe"][1]["median"]) < 1e-6 for y, l in zip(chart[0]["y"], lines))
PYTHON
python3 curves.py >said 2>&1
ok $? "bit plot has a curve a number of images, bit report one a run"
exit $bad
