#!/bin/bash
# What an evaluation measures: every metric that the job asks for, the same bits on 1, 2 and 4 ranks, predictions and confusion as files.
. "$(dirname "$0")/lib.sh"
needs bitrun cli

job tiny.json 4
run 1 tiny.json --out base
ok $? "a run to evaluate"
for key in top1 top5 recall f1 nll brier ece; do
    grep -q "\"$key\":[0-9]" base/metrics.jsonl && grep -q "\"$key\": [0-9]" base/outcome.json
    ok $? "$key is in metrics.jsonl and outcome.json"
done

# ---- one, two and four ranks ----
for ranks in 1 2 4; do
    run $ranks tiny.json --out base --evaluate --set evaluation.metrics=all --predictions pred$ranks.jsonl --confusion conf$ranks.tsv
    ok $? "$ranks ranks evaluate all metrics"
    grep -v '^\[' said | grep -E '^(step|images|bad|loss|top|mean|macro|NLL|Brier|ECE|temp)' > numbers$ranks
done
[ "$(wc -l < numbers1)" = 14 ]; ok $? "ten metrics are printed behind step, images, bad images and loss"
for ranks in 2 4; do
    cmp -s numbers1 numbers$ranks; ok $? "the same numbers on $ranks ranks"
    cmp -s pred1.jsonl pred$ranks.jsonl && cmp -s conf1.tsv conf$ranks.tsv; ok $? "the same files on $ranks ranks"
done
grep -q '^top-1 .* 95 % interval 0\.[0-9]* to [01]\.[0-9]*$' numbers1; ok $? "top-1 has an interval"
grep -q '"top1_interval": \[' base/evaluation.json; ok $? "evaluation.json has it, too"

# ---- what a training leaves of itself ----
cmp -s base/predictions.jsonl pred1.jsonl
ok $? "the evaluation after the last step has left the same predictions in the run's folder"
run 2 tiny.json --out limited --set evaluation.predictions=69 && [ -s limited/metrics.jsonl ] && [ ! -e limited/predictions.jsonl ]
ok $? "of more images than evaluation.predictions there are none"
mkdir -p refused/predictions.jsonl && run 1 tiny.json --out refused && grep -q 'there are no predictions of this run: .*predictions.jsonl' said
ok $? "where they cannot be written, the run says so and ends well"

# ---- the files, against each other and by another program ----
[ "$(wc -l < pred1.jsonl)" = 71 ]; ok $? "a line an image behind the first"
if command -v python3 > /dev/null; then
    python3 - numbers1 <<'PYTHON'
import json, sys
lines = [json.loads(l) for l in open("pred1.jsonl")]
head, items = lines[0], lines[1:]
assert head["kind"] == "predictions" and head["images"] == 70 and head["classes"] == [str(i) for i in range(10)] and head["step"] == 4
assert [i["image"] for i in items] == list(range(70)) and [i["path"] for i in items] == sorted(i["path"] for i in items)
for i in items:
    p = [t[1] for t in i["top"]]
    assert len(i["top"]) == 5 and p == sorted(p, reverse=True) and 0 < sum(p) <= 1.000001
    assert i["path"].split("/")[-2] == i["labels"][0] and len(i["labels"]) == 1
    names = [t[0] for t in i["top"]]
    assert (names.index(i["labels"][0]) if i["labels"][0] in names else i["place"]) == i["place"]
right = sum(i["place"] == 0 for i in items)
assert f"({right})" in next(l for l in open("numbers1") if l.startswith("top-1 "))
cells = [l.rstrip("\n").split("\t") for l in open("conf1.tsv")][1:]
assert sum(int(c[2]) for c in cells) == 70 and sum(int(c[2]) for c in cells if c[0] == c[1]) == right
nll = -sum(__import__("math").log(i["probability"]) for i in items) / 70
assert abs(nll - float(next(l for l in open("numbers1") if l.startswith("NLL ")).split()[1])) < 1e-5
PYTHON
    ok $? "predictions, confusion and numbers say the same"
fi

# ---- chosen metrics ----
run 2 tiny.json --out chosen --set evaluation.metrics=recall,top1
ok $? "a run judged by mean recall"
grep -q '"best_recall"' chosen/outcome.json && ! grep -q '"best_top1"\|"brier"' chosen/outcome.json
ok $? "the best evaluation is the one with the best first metric"
run 1 tiny.json --out chosen --evaluate --set evaluation.metrics=top5
ok $? "an evaluation with other metrics than the run's"
sed 's/"seed": 7/"seed": 7, "loss": "sigmoid"/' tiny.json > many.json
run 2 many.json --out many
ok $? "a run with sigmoid"
run 1 many.json --out many --evaluate --set evaluation.metrics=all
grep -E '^(prec|mAP|CP|CR|CF1|OP|OR|OF1)' said > many1
run 4 many.json --out many --evaluate --set evaluation.metrics=all
grep -E '^(prec|mAP|CP|CR|CF1|OP|OR|OF1)' said > many4
[ "$(wc -l < many1)" = 9 ] && cmp -s many1 many4; ok $? "nine metrics of sigmoid, the same on 4 ranks"

# ---- refusals ----
refused 64 "a metric that is none" "$bit" check tiny.json --set evaluation.metrics=top1,acuracy
refused 64 "a metric of the other loss" "$bit" check tiny.json --set evaluation.metrics=map
says err 'map is of the loss sigmoid'
refused 64 "a metric twice" "$bit" check tiny.json --set evaluation.metrics=top1,top1
refused 64 "auto beside others" "$bit" check tiny.json --set evaluation.metrics=auto,f1
fails 64 1 tiny.json --out base --predictions x.jsonl
ok $? "predictions without --evaluate"
fails 74 1 tiny.json --out base --evaluate --predictions nowhere/x.jsonl
ok $? "predictions into a folder that is not there"
exit $bad
