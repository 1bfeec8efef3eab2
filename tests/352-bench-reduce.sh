#!/bin/bash
# bit bench reduce: starts bitrun under mpirun; correct sums, figures at the end, JSON; what it cannot do is refused.
. "$(dirname "$0")/lib.sh"
bench() { timeout -k 5 100 "$top_builddir/bit" bench reduce --model R14x1 --classes 10 --seconds 0.02 --repeat 3 --threads 1 "$@"; }
out=$(bench --ranks 2 --bucket 262144)
ok $? "two ranks measure"
sed 's/^/# /' <<< "$out"
grep -q '^sums: correct$' <<< "$out"
ok $? "sums are correct"
grep -q '^2 ranks, 2 on a machine, each sends 32.[0-9] MB a step' <<< "$out"
ok $? "R14x1 has 8.03 million parameters: each rank sends half of them, twice"
tail -n 2 <<< "$out" | head -n 1 | grep -Eq '^GB/s: [0-9.]+$' && tail -n 1 <<< "$out" | grep -Eq '^peak memory: [0-9.]+ GB$'
ok $? "the last lines are the figures"
out=$(bench --ranks 3 --json)
ok $? "three ranks measure"
grep -Eq '"ratio": [0-9.e+-]+,.*"latency_seconds": [0-9.e+-]+,' <<< "$out" && grep -q '"correct": true' <<< "$out"
ok $? "JSON"
fit=$scratch/fit.json
out=$(bench --ranks 2 --size 32 --batch 8 --json --fit "$fit")
ok $? "--fit FILE"
[ "$(grep -c '"kind"' <<< "$out")" = 1 ]
ok $? "--json prints one object"
grep -q '"processes": 2,' "$fit" && grep -Eq '"node": {"ranks": 2, .*"reduce_bytes_per_second": [0-9.e+]+' "$fit"
ok $? "--fit has what two ranks compute and move at once"
bench --ranks 1 > /dev/null 2>&1
[ $? = 64 ]
ok $? "one rank has nothing to reduce: exit 64"
MPIRUN=$scratch/nowhere/mpirun bench --ranks 2 > /dev/null 2>&1
[ $? = 66 ]
ok $? "an mpirun that is not there: exit 66"
"$top_builddir/bitrun" --bench-reduce elements=1e6 > /dev/null 2>&1
[ $? = 64 ]
ok $? "a number of elements that is none: exit 64"
exit $bad
