#!/bin/bash
# A file system that shows a rename late: for three seconds one rank does not see the newest generation, sees it by its old name, or
# sees an older one in its place. The run goes on from it all the same, and nothing is set aside.
. "$(dirname "$0")/lib.sh"
needs bitrun
tools=${top_builddir:?}/tests/faults
ldd "$bitrun" | grep -qE 'lib[a-z]*san' && { echo "a sanitizer wants to be loaded first"; exit 77; }
base_run

# late NAME RANK:SECONDS RULE...: resumes a copy with this view
late() {
    local dir=$scratch/$1 who=$2 files
    cp -a "$scratch/base" "$dir"
    shift 2
    files=$(ls "$dir/checkpoints/step-000000000006")
    FAULT_PRELOAD=$tools/preload.so FAULT_PATHS=$dir/checkpoints/ FAULT_VIEW=$who:$(IFS=,; echo "$*") timeout -k 5 120 $MPIRUN -n 2 \
        "$tools/rank" "$dir.ended" "$bitrun" "$scratch/tiny.json" --out "$dir" --steps-limit 1 "${quiet[@]}" >"$scratch/said" 2>&1
    [ $? = 75 ] && grep -q 'resumed at step 6 ' "$scratch/said" && [ "$files" = "$(ls "$dir/checkpoints/step-000000000006")" ] &&
        [ -z "$(find "$dir/checkpoints" -name '*.bad*' -o -name '*.superseded*' -o -name '.[a-km-z]*')" ] &&
        [ "$("$top_builddir/bit" ckpt hash "$dir/checkpoints/step-000000000006")" = "$hash_6" ]
}
hash_6=$("$top_builddir/bit" ckpt hash "$scratch/base")
seconds=${LATE_SECONDS:-3}
late other "1:$seconds" 'step-000000000006>'
ok $? "rank 1 does not see it"
late first "0:$seconds" 'step-000000000006>'
ok $? "rank 0 does not see it"
grep -q 'this host does not see it' "$scratch/said"
ok $? "rank 0 says that its host does not see the newest generation"
# As the host whose rank 0 died just after the rename: what was a writer's temporary folder is the generation now.
late old "0:$seconds" 'step-000000000006>' '.tmp-step-000000000006-a-1-0>step-000000000006'
ok $? "rank 0 sees it by its old name, and removes none of its files"
late older "1:$seconds" 'step-000000000006>step-000000000003'
ok $? "rank 1 sees an older one in its place"
grep -q 'rank 0 finds it whole' "$scratch/said"
ok $? "rank 0, which finds the newest generation whole, is believed"
exit $bad
