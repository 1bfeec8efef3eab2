#!/bin/bash
# Label files of others: bit labels (ReaL, ImageNet-V2, ObjectNet, maps), evaluations by several right labels, among the labelled classes only,
# and inside a border. Expected numbers come from the predictions of an ordinary evaluation.
. "$(dirname "$0")/lib.sh"
needs bitrun cli
command -v python3 > /dev/null || { echo "no python3: skipped"; exit 77; }

job tiny.json 8
run 1 tiny.json --out base
ok $? "a run to evaluate"
run 1 tiny.json --out base --evaluate --predictions plain.jsonl
ok $? "its predictions"
count() { sed -n "s/^$1 [0-9.]* (\\([0-9]*\\)).*/\\1/p" said; }

# ---- numbers as folders: 10 stands before 2 in the order of bytes ----
mkdir -p train v2
for k in $(seq 0 11); do
    mkdir -p "train/n$(printf %02d "$k")" "v2/$k"
    ln -s "$top_srcdir/data/digits/val/0/$(ls "$top_srcdir/data/digits/val/0" | sed -n "$((k + 1))p")" "train/n$(printf %02d "$k")/"
    ln -s "$top_srcdir/data/digits/val/1/$(ls "$top_srcdir/data/digits/val/1" | sed -n "$((k + 1))p")" "v2/$k/"
done
expect 0 "folders that are numbers" "$bit" labels v2 numbered --numbers --classes train
[ "$(sed 's|images/\([0-9]*\)/.*\t|\1 |' numbered/list.txt | awk '{ if ($2 != sprintf("n%02d", $1)) print }' | wc -l)" = 0 ] && [ "$(wc -l < numbered/list.txt)" = 12 ]
ok $? "each number is its output, in the order of numbers"
[ -e "numbered/$(head -n 1 numbered/list.txt | cut -f 1)" ]; ok $? "the list's paths are there"
printf 'a\nb\nc\n' > names.txt
mkdir -p few/2
ln -s "$top_srcdir/data/digits/val/1/$(ls "$top_srcdir/data/digits/val/1" | head -n 1)" few/2/
expect 0 "classes from a file of names" "$bit" labels few out3 --numbers --classes names.txt
[ "$(cut -f 2 out3/list.txt)" = c ]; ok $? "the third name is output 2"
expect 65 "a number beyond the classes" "$bit" labels v2 out4 --numbers --classes names.txt
says err 'is no number from 0 to 2'

# ---- ReaL: lists by the order of the images' own names, some of them empty ----
python3 - <<'PYTHON'
import json
items = [json.loads(l) for l in open("plain.jsonl")][1:]
items.sort(key=lambda i: i["path"].split("/")[-1])
real = [[] if n % 7 == 0 else [int(i["labels"][0])] + ([int(i["top"][0][0])] if n % 3 == 0 else []) + [(n * 5) % 10] for n, i in enumerate(items)]
json.dump(real, open("real.json", "w"))
kept = [(i, set(r)) for i, r in zip(items, real) if r]
print(len(kept), sum(int(i["top"][0][0]) in r for i, r in kept), sum(any(int(t[0]) in r for t in i["top"]) for i, r in kept), file=open("expected", "w"))
PYTHON
expect 0 "ReaL" "$bit" labels data/val real --real real.json --classes data/train
says out 'without a label left out'
run 2 tiny.json --out base --evaluate --set data.val=real/list.txt --predictions real.jsonl
ok $? "an evaluation by several right labels"
same "images, right ones, right among five" "$(sed -n 's/^images //p' said) $(count top-1) $(count top-5)" "$(cat expected)"
python3 -c 'import json; json.dump(json.load(open("real.json"))[1:], open("short.json", "w"))'
expect 65 "a list too few" "$bit" labels data/val real2 --real short.json --classes data/train
says err 'has 69 lists, and'
echo '[[1],[99]]' > high.json
expect 65 "an output that there is not" "$bit" labels data/val real2 --real high.json --classes data/train
says err 'high.json: list 2: expected names of classes, or numbers from 0 to 9'

# ---- ObjectNet: its four files, both protocols ----
mkdir mappings
cat > mappings/folder_to_objectnet_label.json <<'EOF'
{"0": "Nought", "1": "Straight", "2": "Two things", "3": "Unknown thing", "4": "Four"}
EOF
cat > mappings/objectnet_to_imagenet_1k.json <<'EOF'
{"Nought": "zero, nil", "Straight": "one; seven", "Two things": "two; eight, eighth", "Four": "four"}
EOF
# Output k is line (k + 3) % 10 of the names.
python3 - <<'PYTHON'
import json
names = ["zero, nil", "one", "two", "three", "four", "five", "six", "seven", "eight, eighth", "nine"]
json.dump({str(k): (k + 3) % 10 for k in range(10)}, open("mappings/pytorch_to_imagenet_2012_id.json", "w"))
open("mappings/imagenet_to_label_2012_v2", "w").write("\n".join(names[(i - 3) % 10] for i in range(10)) + "\n")
sets = {"0": {0}, "1": {1, 7}, "2": {2, 8}, "4": {4}}
items = [i for i in (json.loads(l) for l in open("plain.jsonl")) if i.get("labels", [""])[0] in sets]
first = sum(int(i["top"][0][0]) in sets[i["labels"][0]] for i in items)
def among(i):
    for t in i["top"]:
        for name, s in sets.items():
            if int(t[0]) in s:
                return name == i["labels"][0]
    return None
told = [among(i) for i in items]
print(len(items), first, sum(t is True for t in told), sum(t is None for t in told), file=open("expected", "w"))
PYTHON
expect 0 "ObjectNet" "$bit" labels data/val objects --objectnet mappings --classes data/train
says out '28 images, 42 without a label left out; 4 folders have labels, 2 of them several'
[ "$(grep -c "$(printf '\t')1,7$" objects/list.txt)" = 7 ]; ok $? "classes that lead to several outputs"
run 1 tiny.json --out base --evaluate --set data.val=objects/list.txt --set evaluation.among_labelled=true
ok $? "an evaluation among the labelled classes"
read -r images first among open < expected
same "the first protocol" "$(sed -n 's/^images //p' said) $(count top-1)" "$images $first"
among_found=$(count 'top-1 among labelled')
echo "# among labelled: $among_found, expected $among to $((among + open))"
[ "$among_found" -ge "$among" ] && [ "$among_found" -le $((among + open)) ] && [ "$among_found" -ge "$first" ]; ok $? "the second protocol"
cp said one
run 4 tiny.json --out base --evaluate --set data.val=objects/list.txt --set evaluation.among_labelled=true
cmp -s <(grep '^top' one) <(grep '^top' said); ok $? "the same on 4 ranks"
sed -i 's/one; seven/one; sevn/' mappings/objectnet_to_imagenet_1k.json
expect 65 "a name that leads nowhere" "$bit" labels data/val objects2 --objectnet mappings --classes data/train
says err '"sevn" leads to none of the 10 classes'

# ---- a map, and the border ----
echo '{"0": "0", "1": ["1", 7], "9": []}' > map.json
expect 0 "a map of our own" "$bit" labels data/val mapped --map map.json --classes data/train
says out '14 images, 56 without'
echo '{"0": "nought"}' > map.json
expect 65 "a map to a class that there is not" "$bit" labels data/val mapped2 --map map.json --classes data/train
says err '"nought" is none of the 10 classes'
run 1 tiny.json --out base --evaluate --set evaluation.border=1
ok $? "an evaluation inside a border"
! cmp -s <(sed -n 's/^loss //p' said) <(sed -n 's/^loss //p' one); ok $? "it sees other pixels"
run 1 tiny.json --out base --evaluate --set evaluation.border=16
grep -q '^bad images 70' said && grep -q 'nothing is left inside a border of 16' base/quarantine.tsv; ok $? "a border that leaves nothing"

# ---- refusals ----
expect 64 "no kind of labels" "$bit" labels data/val x --classes data/train
expect 64 "two kinds" "$bit" labels data/val x --classes data/train --numbers --map map.json
expect 64 "no classes" "$bit" labels data/val x --numbers
expect 66 "no such images" "$bit" labels nowhere x --numbers --classes data/train
expect 66 "no such file" "$bit" labels data/val x --real nowhere.json --classes data/train
sed 's/"seed": 7/"seed": 7, "loss": "sigmoid"/' tiny.json > many.json
refused 64 "among the labelled classes with sigmoid" "$bit" check many.json --set evaluation.among_labelled=true
exit $bad
