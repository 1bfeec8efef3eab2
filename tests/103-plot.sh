#!/bin/bash
# bit plot: curves of a made-up run, torn lines, repeated steps, output names.
. "$(dirname "$0")/lib.sh"
needs cli

mkdir run
awk 'BEGIN {
    for (s = 1; s <= 4000; s++) {
        if (s == 3001)   # killed at 3000, resumed at 2901
            for (t = 2901; t <= 3000; t++) print line(t)
        print line(s)
        if (s % 500 == 0)
            printf "{\"kind\":\"evaluation\",\"step\":%d,\"epoch\":%g,\"loss\":1.5,\"accuracy\":%g,\"other\":0.9,\"error\":3,\"images\":50,\"metrics\":[[\"accuracy\",\"top-1\",\"share\",\"higher\"],[\"other\",\"</script><b>\",\"share\",\"higher\"],[\"error\",\"mean error\",\"number\",\"lower\"]]}\n", s, s / 100, s / 5000
    }
    printf "{\"kind\":\"step\",\"step\":4001,\"epoch\":4"
}
function line(s) {
    return sprintf("{\"kind\":\"step\",\"step\":%d,\"epoch\":%g,\"loss\":%s,\"rate\":0.1,\"gradient_norm\":2,\"weight_norm\":90,\"images_per_second\":12,\"share\":{\"data\":0.1,\"forward\":0.3,\"backward\":0.5,\"reduce\":0.05,\"update\":0.05,\"checkpoint\":0}}", s, s / 100, s == 7 ? "null" : 7 * exp(-s / 2000))
}' >run/metrics.jsonl

expect 0 "a page is written" "$bit" plot run
says out "run/plot.html"
cp run/plot.html page
says page "step 4000, epoch 40"
says page "best top-1 80.00 % at step 4000"
says page "1 line could not be read"
[ "$(grep -c '<svg' page)" = 8 ]; ok $? "eight charts"
! grep -Eq 'https?://|src=|<link|@import|url\(' page; ok $? "nothing is loaded from elsewhere"
! grep -Eqi 'nan|inf[^o]' <(grep -o '<svg.*</svg>' page); ok $? "no NaN in the curves"
[ "$(stat -c %s run/plot.html)" -lt 600000 ]; ok $? "a long run's page stays small"
if command -v python3 >/dev/null; then
    python3 - <<'PYTHON'
import json, re, sys
page = open("page").read()
data = json.loads(re.search(r"<script id=data type='application/json'>(.*?)</script>", page, re.S).group(1))
loss = data[0][0]
steps = loss["x"]
ok = len(data) == 9 and data[1][1]["name"] == "</script><b>" and all(a < b for a, b in zip(steps, steps[1:])) and steps[-1] == 4000
ok = ok and all(len(c["x"]) == len(c["y"]) <= 1500 for chart in data for c in chart)
ok = ok and abs(loss["y"][-1] - 7 * 2.718281828 ** -2) < 0.01
sys.exit(not ok)
PYTHON
    ok $? "the numbers are those of the run, repeated steps once"
fi
if command -v node >/dev/null; then
    sed -n '/^<script>$/,/<\/script>/p' page | sed '1d; s/<\/script>.*//' >script.js
    node --check script.js; ok $? "the script is JavaScript"
fi

expect 0 "another output" "$bit" plot run/ -o other.html
[ -s other.html ]; ok $? "other.html is there"
expect 0 "standard output" "$bit" plot run/metrics.jsonl -o -
says out "</html>"
mkdir '<b>&x'
head -3 run/metrics.jsonl >'<b>&x/metrics.jsonl'
expect 0 "a hostile name" "$bit" plot '<b>&x' -o -
says out '<title>&lt;b&gt;&amp;x</title>'
expect 66 "no such run" "$bit" plot nowhere
mkdir empty
expect 66 "a run without metrics" "$bit" plot empty
printf 'garbage\n\0\n[]\n{"kind":5,"step":1}\n{"kind":"step","step":"x"}\n' >empty/metrics.jsonl
expect 65 "metrics that are none" "$bit" plot empty
expect 74 "a folder that cannot be written" "$bit" plot run -o nowhere/x.html
expect 64 "no run" "$bit" plot
exit $bad
