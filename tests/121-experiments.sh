#!/bin/bash
# The experiments' own files: jobs and suites are valid, the builders are Python, the run script refuses what it does not know. No training here.
. "$(dirname "$0")/lib.sh"
needs cli
experiments=$top_srcdir/experiments
expect 0 "the upstream jobs are valid" "$bit" check "$experiments/glyphs.json" "$experiments/icons.json" "$experiments/detection.json"
mkdir -p sets/{greek,cyrillic,hangul,georgian,stamps,clipart}/{train,test}
touch sets/greek/tune.list sets/greek/hold.list start.npz
# starts FILE N: a suite's dry run names N starts
starts() {
    local start=(--start start.npz)
    [[ $1 != *scratch ]] || start=()
    "$bit" suite "$experiments/$1.json" --data sets "${start[@]}" --out suites --dry-run >out 2>err || cat err
    same "the suite $1 is valid, and starts so many runs" "$2" "$(grep -c bit-launch out)"
}
starts scripts 48
starts scripts-scratch 48
starts pictures 24
starts pictures-scratch 24
starts tune-start 2
starts tune-scratch 2
[ ! -e suites ]
ok $? "dry runs write nothing"
expect 0 "run --help" "$experiments/run" --help
for stage in $(sed -n 's/^all=(\(.*\))$/\1/p' "$experiments/run"); do
    grep -qw -- "$stage" out && grep -qE "^$stage\(\) " "$experiments/run" "$experiments/tables.sh"
    ok $? "stage $stage is in the help, and a function"
done
expect 64 "an unknown stage" "$experiments/run" potato
expect 64 "an option without its value" "$experiments/run" --work
expect 66 "a build that is not there" "$experiments/run" --build nowhere --work work
# Tables of nothing: every place of the document is filled, and nothing is made up
expect 0 "the document without a run" "$experiments/run" --build "$(dirname "$bit")" --work work --out page.md write
! grep -qE '^@' page.md && grep -q 'not run' page.md
ok $? "it says so where nothing was run"
expect 0 "install.sh names the packages" "$experiments/data/install.sh" --list icons glyphs stamps clipart photos
[ "$(wc -l <out)" -gt 200 ]
ok $? "some two hundred"
if command -v python3 >/dev/null; then
    missing=0
    for file in "$experiments"/data/*.py; do
        python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read())' "$file" || missing=1
    done
    ok $missing "the builders parse"
else
    skip "the builders parse" "python3 is not installed"
fi
exit $bad
