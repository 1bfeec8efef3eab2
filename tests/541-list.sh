#!/bin/bash
# bitrun looks at a list's images before it starts, and says at each start what it leaves out.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json" 2
data=$scratch/data
for class in 0 1 2; do
    for file in "$data/train/$class"/*.jpg; do
        printf 'train/%s/%s\t%s\n' $class "$(basename "$file")" $class
    done
done > "$data/list.tsv"
sed 's/^train/training/' "$data/list.tsv" > "$data/wrong.tsv"
list() { printf '%s\n' --set "data.train=$data/$1" --set data.val= --set evaluation.every_steps=0; }
mapfile -t wrong < <(list wrong.tsv)
for ranks in 1 2; do
    fails 66 $ranks "$scratch/tiny.json" --out "$scratch/wrong" "${wrong[@]}" &&
        grep -q "data.train: $data/wrong.tsv:1: $data/training/0/.*none of the 21 images" "$scratch/said"
    ok $? "$ranks ranks: no image of the list is there: exit 66, naming the first with its line"
done
sed '2s/^train/training/' "$data/list.tsv" > "$data/partly.tsv"
mapfile -t partly < <(list partly.tsv)
run 2 "$scratch/tiny.json" --out "$scratch/partly" --set data.bad_share=0.9 "${partly[@]}" &&
    grep -q "1 of 21 images of .* not there; the first: $data/partly.tsv:2: " "$scratch/said"
ok $? "one image of the list is not there: it trains, and names it"
touch "$data/train/1/x.gif" "$data/train/1/._0.jpg"
touch -d '1 hour ago' "$data/train"/* "$data/train"
for start in scanned 'from the cache'; do
    run 1 "$scratch/tiny.json" --out "$scratch/left" --fresh --force && grep -q "($start in" "$scratch/said" &&
        grep -q 'warning: .*: 2 other files left out, e.g. 1/x.gif (GIF, .*), 1/._0.jpg (a hidden file)' "$scratch/said" &&
        grep -q '2 other files left out' "$scratch/left/log.txt"
    ok $? "left-out files are told of, $start"
done
exit $bad
