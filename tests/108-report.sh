#!/bin/bash
# bit report and bit compare: pages of made-up runs, what hostile names do to them, a real browser's view; the test of two runs.
. "$(dirname "$0")/lib.sh"
needs cli

# ---- runs: curves, an outcome, predictions of real pictures ----
# predictions FOLDER EVERY: each EVERY-th image is taken for the next class
predictions() {
    local n=0 wrong=0 file class next sure
    mkdir -p "$1"
    {
        printf '{"kind":"predictions","version":1,"job":"x","step":8,"images":60,"bad":1,"loss":"softmax","data":"%s","classes":["0","1","2","3","4","<b>five</b>"]}\n' "$top_srcdir/data/digits/val"
        for class in 0 1 2 3 4 5; do
            for file in "$top_srcdir/data/digits/val/$class"/*.jpg; do
                [ $((n % 10)) != 0 ] || [ $n = $((class * 10)) ] || break
                next=$(((class + 1) % 6))
                [ $next != 5 ] || next='<b>five</b>'
                [ $class != 5 ] || class='<b>five</b>'
                sure=0.$((50 + n % 45))
                if [ $((n % $2)) = 0 ]; then
                    wrong=$((wrong + 1))
                    printf '{"image":%d,"path":"%s","labels":["%s"],"place":%d,"probability":0.0%d,"top":[["%s",%s],["%s",0.04],["2",0.0001]]}\n' $n "$file" "$class" $((wrong % 3 * 5 + 1)) $((n % 9 + 1)) "$next" $sure "$class"
                else
                    printf '{"image":%d,"path":"%s","labels":["%s"],"place":0,"probability":%s,"top":[["%s",%s],["%s",0.01]]}\n' $n "$file" "$class" $sure "$class" $sure "$next"
                fi
                n=$((n + 1))
                [ "$class" != '<b>five</b>' ] || class=5
            done
        done
    } > "$1/predictions.jsonl"
}
# records FOLDER SEED SHARE: a job, curves, an outcome
records() {
    mkdir -p "$1" images
    printf '{"name":"r%d","seed":%d,"data":{"train":"%s/images"},"schedule":{"steps":8,"decay_steps":[6]}}\n' "$2" "$2" "$PWD" > "$1/job.json"
    for s in 1 2 3 4 5 6 7 8; do
        printf '{"kind":"step","step":%d,"epoch":1,"loss":%s,"rate":0.1,"gradient_norm":2,"weight_norm":90,"images_per_second":12}\n' $s "2.$((9 - s))"
    done > "$1/metrics.jsonl"
    printf '{"kind":"evaluation","step":8,"epoch":1,"loss":1.5,"top1":%s,"images":60,"metrics":[["top1","top-1","share","higher"]]}\n' "$3" >> "$1/metrics.jsonl"
    printf '{"state":"finished","reason":"ok","exit_code":0,"step":8,"steps":8,"metrics":[["top1","top-1","share","higher"]],"top1":%s,"validation_images":60,"evaluated_step":8}\n' "$3" > "$1/outcome.json"
}
records one 1 0.9
records two 2 0.8
records 'th<i>ree' 3 0.7
predictions one 10
predictions two 5

expect 0 "a page of one run" "$bit" report one
says out one/report.html
expect 0 "a page of three" "$bit" report one two 'th<i>ree' -o page.html
cp page.html page
! grep -Eq 'https?://|<link|@import|url\(' page; ok $? "nothing is loaded from elsewhere"
! grep -oE 'src="[^"]{0,20}' page | grep -qv 'src="data:image/jpeg'; ok $? "pictures are in the page"
! grep -q '<b>five\|th<i>' page; ok $? "names cannot become tags"
says page '&lt;b&gt;five&lt;/b&gt;'
! grep -Eqi '[^a-z](nan|inf)[^a-z]' <(sed 's/base64,[^"]*//g; s/<script>.*//' page); ok $? "no number is missing where there is one"
says page '90.00 %<small>79.85 to 95.34</small>'
says page '80.00 %<small>70.00 % to 90.00 %</small><small>&plusmn; 10.00 %</small>'
[ "$(grep -o '<figure' page | wc -l)" = 24 ]; ok $? "6 and 12 mistakes, 6 disagreements"
says page 'Mistakes: The label is further off'
[ "$(grep -o '<img' page | wc -l)" = 24 ]; ok $? "each with its picture"
"$bit" report one two --mistakes 4 -o - > few
[ "$(grep -o '<figure' few | wc -l)" = 10 ]; ok $? "--mistakes limits them"
sed -i 's|"path":"[^"]*"|"path":"/nowhere/x.jpg"|' two/predictions.jsonl
"$bit" report two -o - > gone
ok $? "pictures that are gone"
says gone 'not readable'

# ---- a browser ----
# seen WIDTH: what the page looks like there: wider than the window, pictures that are broken
seen() {
    sed 's|</body>|<script>addEventListener("load",()=>document.title="overflow "+(document.documentElement.scrollWidth-innerWidth)+" broken "+[...document.images].filter(i=>!i.naturalWidth).length+" charts "+document.querySelectorAll("svg").length)</script></body>|; s/ loading=lazy//g' page > seen.html
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --window-size="$1",2000 --virtual-time-budget=5000 --dump-dom "file://$PWD/seen.html" 2>chromium.log | sed -n 's/.*<title>\(overflow [^<]*\)<.*/\1/p'
}
if command -v chromium > /dev/null && [ -n "$(timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --dump-dom about:blank 2>&1)" ]; then
    for width in 1280 500; do # chromium's windows are not narrower
        found=$(seen $width)
        echo "# $found"
        [[ $found =~ ^overflow\ (-[0-9]+|0)\ broken\ 0\ charts\ 6$ ]]; ok $? "a browser of $width pixels shows all of the page"
    done
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --hide-scrollbars --window-size=1280,2000 --screenshot="$PWD/shot.png" "file://$PWD/page.html" >chromium.log 2>&1
    [ "$(head -c 8 shot.png | od -An -c | tr -d ' \n')" = '211PNG\r\n032\n' ] && [ "$(stat -c %s shot.png)" -gt 50000 ]; ok $? "a screenshot with something on it"
else
    skip "a browser shows the page" "no chromium"
fi

# ---- refusals of bit report ----
expect 66 "no such run" "$bit" report nowhere
mkdir empty
expect 65 "a folder that holds nothing" "$bit" report empty
expect 64 "a file" "$bit" report one/job.json
expect 64 "no run" "$bit" report
cp -r one torn
head -c 3000 one/predictions.jsonl > torn/predictions.jsonl
expect 65 "predictions that are cut off" "$bit" report torn
says err 'torn/predictions.jsonl: line'
expect 74 "a page that cannot be written" "$bit" report one -o nowhere/x.html

# ---- bit compare ----
predictions two 5
expect 0 "two runs" "$bit" compare one two
says out 'images 60'
says out 'one: 90.00 % right (54), 95 % interval 79.85 to 95.34 %'
says out 'difference, second minus first: -10.00 %, 95 % interval -17.59 to -2.41 %'
says out 'right by the first only: 6; by the second only: 0'
says out 'p = 0.03125, the first is better at 5 %'
expect 0 "as JSON" "$bit" compare one/predictions.jsonl two/predictions.jsonl --json
says out '"right":54,"right_alone":6,"share":0.9,"interval":[0.798'
expect 0 "a run and itself" "$bit" compare one one
says out 'p = 1, no difference is shown at 5 %'
# The same data elsewhere is the same data.
sed "s|$top_srcdir/data/digits/val|/other/place|g" two/predictions.jsonl > moved.jsonl
expect 0 "the same data below another folder" "$bit" compare one moved.jsonl
says out 'p = 0.03125'
sed '30d; 1s/"images":60/"images":59/' two/predictions.jsonl > fewer.jsonl
expect 65 "other images" "$bit" compare one fewer.jsonl
says err '1 images are in one of one and fewer.jsonl only'
expect 0 "those in common" "$bit" compare --common one fewer.jsonl
says out 'images 59 in both, 1 in one of them only'
sed '3s/"labels":\["0"\]/"labels":["1"]/' two/predictions.jsonl > relabelled.jsonl
expect 65 "other labels" "$bit" compare one relabelled.jsonl
expect 65 "a file that is none" "$bit" compare one one/metrics.jsonl
expect 66 "a file that is not there" "$bit" compare one nothing.jsonl
expect 64 "one run" "$bit" compare one
exit $bad
