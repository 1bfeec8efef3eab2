#!/bin/bash
# Checkpoints written and read at 1 to 4 ranks: the same hashes, every value in its place, kills on any rank survived.
. "$(dirname "$0")/lib.sh"
ranks=$top_builddir/tests/store/store_ranks
run() { # RANKS ARGUMENTS...: without mpirun's own words
    local n=$1
    shift
    $MPIRUN -n "$n" "$@" 2>>"$scratch/stderr"
}

for n in 1 2 3 4; do
    run $n "$ranks" save "$scratch/at$n" 100 3 2 >"$scratch/saved$n"
    [ -s "$scratch/saved$n" ] && diff "$scratch/saved1" "$scratch/saved$n"
    ok $? "saved at $n ranks: the hashes are those of 1 rank"
done
sed s/saved/loaded/ "$scratch/saved1" >"$scratch/expected"
for pair in "4 1" "4 2" "4 3" "4 4" "1 3"; do
    read -r from to <<<"$pair"
    run "$to" "$ranks" load "$scratch/at$from" 18446744073709551615 2 1000 >"$scratch/loaded"
    diff "$scratch/expected" "$scratch/loaded"
    ok $? "written at $from ranks, read at $to, with other shares"
done
"$top_builddir/bit" ckpt verify "$scratch/at3" >"$scratch/out" && "$top_builddir/bit" ckpt hash "$scratch/at3" >"$scratch/out" &&
    read -r _ step weights momentum <"$scratch/saved1" && grep -q "^weights $weights$" "$scratch/out" &&
    grep -q "^momentum $momentum$" "$scratch/out" && [ "$step" = 100 ]
ok $? "bit ckpt sees the same hashes"

run 3 "$ranks" differ "$scratch/at3" 200 3 2
[ $? = 70 ] && grep -q "in the minority: rank 2" "$scratch/stderr" && [ "$(ls -d "$scratch/at3"/step*)" = "$scratch/at3/step-000000000100" ]
ok $? "a rank with other weights is named and nothing is written"

for n in 2 1; do
    run 2 "$ranks" save "$scratch/spoilt" 1 3 1 >/dev/null && run $n "$ranks" spoil "$scratch/spoilt" 2 3 1 >/dev/null
    run 2 "$ranks" load "$scratch/spoilt" >"$scratch/out" && grep -q "^loaded 1 " "$scratch/out" && [ -d "$scratch/spoilt/step-000000000002.bad" ]
    ok $? "written by $n ranks, other values than the manifest names, with right checksums: an older generation"
    rm -rf "$scratch/spoilt"
done

# A shard taken for another one's, and another run's: both refused by all ranks alike.
run 2 "$ranks" save "$scratch/swap" 1 3 1 >/dev/null && run 2 "$ranks" save "$scratch/swap" 2 3 1 >/dev/null
(cd "$scratch/swap/step-000000000002" && mv shard-0000-of-0002.h5 x && mv shard-0001-of-0002.h5 shard-0000-of-0002.h5 &&
    mv x shard-0001-of-0002.h5)
run 4 "$ranks" load "$scratch/swap" >"$scratch/out" && grep -q "^loaded 1 " "$scratch/out" &&
    [ -d "$scratch/swap/step-000000000002.bad" ]
ok $? "swapped shards: all ranks fall back to the older one"
cp "$scratch/at4/step-000000000100/shard-0001-of-0004.h5" "$scratch/swap/step-000000000001/shard-0001-of-0002.h5"
run 2 "$ranks" load "$scratch/swap" >"$scratch/out"
[ $? = 69 ] && grep -q "no checkpoint is whole" "$scratch/stderr"
ok $? "a foreign shard, and nothing else left: refused with its own exit code"

# SIGKILL of one rank at points of the protocol: then the former or the new generation loads.
export BIT_TEST_KILL_AT
BIT_TEST_KILL_AT=none
run 2 "$ranks" save "$scratch/first" 1 2 0 >/dev/null
for at in folder_made:1 shard_written:1 master_synced:0 agreed:1 manifest_written:0 renamed:0; do
    rm -rf "$scratch/kill"
    cp -r "$scratch/first" "$scratch/kill"
    BIT_TEST_KILL_AT=$at
    run 2 "${ranks}_points" save "$scratch/kill" 2 2 0 >/dev/null
    killed=$?
    BIT_TEST_KILL_AT=none
    run 2 "$ranks" load "$scratch/kill" 18446744073709551615 0 >"$scratch/out"
    case $at in
    renamed:0) grep -q "^loaded 2 " "$scratch/out" ;;
    agreed:1) grep -q "^loaded [12] " "$scratch/out" ;; # rank 0 may get to the end
    *) grep -q "^loaded 1 " "$scratch/out" ;;
    esac && [ $killed != 0 ] && [ -z "$(find "$scratch/kill" -name '.tmp-*' -o -name '*.bad')" ]
    ok $? "killed at $at"
done
[ $bad = 0 ] || tail -50 "$scratch/stderr"
exit $bad
