#!/bin/bash
# bit coco: tables, JSON, all categories as one, warnings, refusals.
. "$(dirname "$0")/lib.sh"
needs cli
# part CASE FIRST LAST: what stands in a stored case behind the key FIRST, up to the key LAST
part() { sed "s/.*\"$2\":\(.*\),\"$3\":.*/\1/" "$top_srcdir/tests/coco/cases/$1.json"; }
take() { part "$1" ground_truth results >a.json; part "$1" results expected >r.json; }

take mixed
expect 0 "an evaluation" "$bit" coco a.json r.json
expected=$(sed 's/.*"stats":{"AP":\([0-9.]*\).*/\1/' "$top_srcdir/tests/coco/cases/mixed.json")
same "AP is the stored one" "$(awk '$1 == "AP" { print $2 }' out)" "$(printf '%.6f' "$expected")"
[ "$(grep -cE '^A[PR]' out)" = 12 ]; ok $? "twelve numbers"
[ "$(sed '1,/^  *category/d' out | grep -c .)" = 6 ]; ok $? "a line for each of six categories"
[ ! -s err ]; ok $? "nothing to warn of"
expect 0 "as JSON" "$bit" coco a.json r.json --json
says out "\"stats\":{\"AP\":$(printf '%.10s' "$expected")"
expect 0 "all categories as one" "$bit" coco --class-agnostic --json a.json r.json
says out '"by_category":{"1":{"name":"all",'

take empty
expect 0 "unlisted images and categories" "$bit" coco a.json r.json
says err "a.json: 1 annotation of images that are not listed: left out"
says err "a.json: 1 annotation of categories that are not listed: left out"
says err "r.json: 1 result of categories that are not listed: left out"
take quirk-id-zero
"$bit" coco a.json r.json >out 2>err
says err "a.json: 1 annotation with the id 0: what finds such counts as wrong, as in pycocotools"
echo '[]' >none.json
expect 0 "no results at all" "$bit" coco a.json none.json
says out "AP      0.000000"

cp a.json one.json
echo '[{"image_id":5,"category_id":1,"bbox":[1,2,3,4],"score":1}]' >r.json
refused 65 "a result of an image that is not listed" "$bit" coco a.json r.json
says err "a.json, r.json: results[0]: image_id 5 is not among the images of the annotations"
echo '[{"image_id":1,"category_id":1,"bbox":[1,2,3],"score":1}]' >r.json
refused 65 "a box of three numbers" "$bit" coco a.json r.json
says err "r.json: line 1, byte 44: results[0].bbox: expected [x, y, width, height], four finite numbers, found the end of an array"
refused 65 "annotations and results the wrong way round" "$bit" coco r.json a.json
refused 66 "no such file" "$bit" coco nowhere.json r.json
refused 64 "one file only" "$bit" coco a.json
refused 64 "an unknown option" "$bit" coco a.json r.json --jsn
says err "--json"

# Results against others: none at all are worse, the same are the same, and so they are by groups and again.
part mixed ground_truth results >a.json
part mixed results expected >r.json
expect 0 "results against none" "$bit" coco a.json none.json --against r.json --draws 200
[ "$(awk '$1 == "AP" { print ($2 == 0 && $3 > 0 && $4 == "+" $3) }' out)" = 1 ]; ok $? "none are worse by all of the AP"
expect 0 "results against themselves" "$bit" coco a.json r.json --against r.json --draws 50
[ "$(awk '$1 == "AP" { print $4, $5, $7, $8 }' out)" = "+0.000000 +0.000000 +0.000000 0.00" ]; ok $? "no difference, in no draw"
"$bit" coco a.json none.json --against r.json --draws 200 --json >one
"$bit" coco a.json none.json none.json --against r.json --against=r.json --draws 200 --json >two
cmp -s one two; ok $? "groups are averaged, and the draws come again"
says one '"images":'
"$bit" coco a.json none.json --against r.json --draws 200 --seed 1 --json >three
! cmp -s one three; ok $? "another seed, other draws"
refused 64 "several results alone" "$bit" coco a.json r.json r.json
says err "several results go with --against alone"
echo '[{"image_id":99,"category_id":1,"bbox":[1,2,3,4],"score":1}]' >odd.json
refused 65 "an unlisted image in what is compared with" "$bit" coco a.json r.json --against odd.json
says err "a.json, odd.json: results[0]: image_id 99"
sed -E 's/"area": ?[0-9.]+/"area":-1/g' a.json >below.json
"$bit" coco below.json r.json >out 2>err
says err "with a negative area: not looked for, as in pycocotools"
refused 65 "annotations from a pipe" "$bit" coco <(cat a.json) r.json
says err "expected a file, found a pipe"
refused 66 "no such results to compare with" "$bit" coco a.json r.json --against nowhere.json

# 180,000 boxes with their masks: 150 MB of which next to nothing is kept.
awk 'BEGIN {
    printf "{\"images\":["
    for (i = 1; i <= 1000; i++) printf("%s{\"id\":%d,\"file_name\":\"%d.jpg\",\"width\":640,\"height\":480}", (i > 1 ? "," : ""), i, i)
    for (i = 0; i < 100; i++) mask = mask "123.25,"
    printf "],\"categories\":[{\"id\":1,\"name\":\"c\"}],\"annotations\":["
    for (i = 1; i <= 180000; i++) printf("%s{\"segmentation\":[[%s1]],\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":12,\"iscrowd\":0}", (i > 1 ? "," : ""), mask, i, i % 1000 + 1)
    printf "]}"
}' >big.json
if nm "$bit" 2>/dev/null | grep -q __asan_init; then
    skip "memory is bounded by the boxes" "sanitizers take their own"
else
    (ulimit -v 200000; "$bit" coco big.json none.json >out 2>err)
    ok $? "memory is bounded by the boxes: $(($(stat -c %s big.json) / 1000000)) MB in an address space of 200 MB"
fi
exit $bad
