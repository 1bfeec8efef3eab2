#!/bin/bash
# bit ckpt: what it prints, and its exit codes.
. "$(dirname "$0")/lib.sh"
bit=$top_builddir/bit
expect() { # CODE WORDS ARGUMENTS...: exit code, and a text in stdout or stderr
    local code=$1 words=$2
    shift 2
    "$bit" ckpt "$@" >"$scratch/out" 2>&1
    local got=$?
    if [ $got = "$code" ] && grep -qF -- "$words" "$scratch/out"; then return 0; fi
    echo "# exit $got"
    sed 's/^/# /' "$scratch/out"
    return 1
}
run=$scratch/run
for step in 10 20 30; do
    $MPIRUN -n 2 "$top_builddir/tests/store/store_ranks" save "$run/checkpoints" $step 5 0 >/dev/null 2>&1 || exit 1
done

expect 0 usage --help; ok $? "help"
expect 64 "is missing: bit ckpt ls|verify|hash|show|prune DIR"; ok $? "no action"
expect 64 "did you mean verify" verfy "$run"; ok $? "misspelt action"
expect 64 "something is missing: bit ckpt ls|verify|hash|show|prune DIR" ls; ok $? "no folder given"
expect 64 "unknown option" ls --jsom "$run"; ok $? "unknown option"
expect 66 "no such folder" ls "$scratch/nowhere"; ok $? "missing folder"
mkdir "$scratch/empty"
expect 66 "holds no checkpoint" ls "$scratch/empty"; ok $? "empty folder"
expect 66 "holds no checkpoint" hash "$scratch/empty"; ok $? "hash of an empty folder"
for folder in "$run" "$run/checkpoints" "$run/checkpoints/"; do
    expect 0 whole ls "$folder" && [ "$(grep -c whole "$scratch/out")" = 3 ]
    ok $? "ls of ${folder#"$scratch"/}"
done
expect 0 whole ls "$run/checkpoints/step-000000000020" && [ "$(grep -c whole "$scratch/out")" = 1 ]
ok $? "ls of one generation"
expect 0 whole verify "$run"; ok $? "verify"
"$bit" ckpt hash "$run" >"$scratch/newest" && "$bit" ckpt hash "$run/checkpoints/step-000000000030" | diff - "$scratch/newest" &&
    ! "$bit" ckpt hash "$run/checkpoints/step-000000000020" | diff -q - "$scratch/newest" >/dev/null
ok $? "hash is the newest one's"
expect 0 "resnet/odd/three" show "$run" && grep -q "5 x 17 x 19" "$scratch/out" && grep -q "step 30" "$scratch/out"
ok $? "show"
if command -v python3 >/dev/null; then
    for action in ls verify hash show; do
        "$bit" ckpt $action --json "$run" | python3 -m json.tool >/dev/null
        ok $? "$action --json is JSON"
    done
fi
find "$run" | sort >"$scratch/before"
printf x | dd of="$run/checkpoints/step-000000000030/shard-0001-of-0002.h5" bs=1 seek=9000 conv=notrunc 2>/dev/null
expect 0 whole ls "$run"; ok $? "ls does not read contents"
expect 65 "its checksum is wrong" verify "$run" && [ "$(grep -c '  whole$' "$scratch/out")" = 2 ]
ok $? "verify finds the changed byte"
expect 0 "step-000000000030 is damaged" hash "$run"; ok $? "hash goes on to the newest whole one"
"$bit" ckpt hash "$run" 2>/dev/null >"$scratch/now"
"$bit" ckpt hash "$run/checkpoints/step-000000000020" | diff - "$scratch/now"
ok $? "hash after the newest was damaged is the older whole one's"
expect 65 "no whole checkpoint" hash "$run/checkpoints/step-000000000030"; ok $? "hash of a damaged one"
rm "$run/checkpoints/step-000000000010/shard-0000-of-0002.h5"
expect 0 "damaged: " ls "$run"; ok $? "ls sees a missing file"
rm "$run/checkpoints/step-000000000010/manifest.json"
expect 65 "manifest.json is missing" verify "$run"; ok $? "verify sees a missing manifest"
[ "$(find "$run" | sort | diff - "$scratch/before" | grep -c '^[<>]')" = 2 ] # the two that were removed above
ok $? "nothing was renamed by looking"
exit $bad
