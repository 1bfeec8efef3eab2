#!/bin/bash
# The digits inside: all there, and exactly what data/digits/make.py writes.
. "$(dirname "$0")/lib.sh"
digits=$top_srcdir/data/digits

[ "$(find "$digits/train" -name '*.jpg' | wc -l) $(find "$digits/val" -name '*.jpg' | wc -l)" = "1438 359" ]
ok $? "1438 pictures to train on, 359 to validate"
(cd "$digits" && find train val -name '*.jpg' | sed 's|.*/||' | sort | uniq -d) | { ! grep -q .; }
ok $? "no picture is in both parts"
for part in train val; do
    wanted=139
    [ $part = train ] || wanted=34
    least=$(for c in 0 1 2 3 4 5 6 7 8 9; do find "$digits/$part/$c" -name '*.jpg' | wc -l; done | sort -n | head -n 1)
    [ "$least" -ge $wanted ]
    ok $? "$part has its share of every class (least: $least)"
done
[ "$(find "$digits" -type f -printf '%s\n' | awk '{ s += $1 } END { print (s < 3000000) }')" = 1 ]
ok $? "at most 3 MB"

table=/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
if [ -f $table ] && command -v python3 >/dev/null; then
    python3 "$digits/make.py" --out "$scratch" &&
        diff -r "$scratch/train" "$digits/train" && diff -r "$scratch/val" "$digits/val"
    ok $? "make.py writes the same bytes again"
else
    skip "make.py writes the same bytes again" "python3-sklearn's table is not there"
fi
exit $bad
