#!/bin/bash
# Storage that cannot be read damages nothing, slow storage keeps no lock; a folder of checkpoints that is not shared by all ranks commits nothing.
. "$(dirname "$0")/lib.sh"
needs bitrun
tools=${top_builddir:?}/tests/faults
bitrun=$tools/bitrun_points # which waits for less time
ldd "$bitrun" | grep -qE 'lib[a-z]*san' && { echo "a sanitizer wants to be loaded first"; exit 77; }
base_run
hash_6=$("$top_builddir/bit" ckpt hash "$scratch/base/checkpoints/step-000000000006")

# failing NAME RANK COUNT: resumes a copy while reads of checkpoints fail on that rank; COUNT 0: all
failing() {
    rm -rf "$scratch/copy" && cp -a "$scratch/base" "$scratch/copy"
    FAULT_PRELOAD=$tools/preload.so FAULT_PATHS=$scratch/copy/checkpoints/step- FAULT_CALL=read:$1 FAULT_COUNT=$2 timeout -k 5 120 \
        $MPIRUN -n 2 "$tools/rank" "$scratch/ended" "$bitrun" "$scratch/tiny.json" --out "$scratch/copy" --steps-limit 1 "${quiet[@]}" \
        >"$scratch/said" 2>&1
}
as_it_was() {
    [ "$(ls "$scratch/copy/checkpoints")" = "$(ls "$scratch/base/checkpoints")" ] &&
        [ "$("$top_builddir/bit" ckpt hash "$scratch/copy/checkpoints/step-000000000006")" = "$hash_6" ]
}
failing 0 0
[ "$(value "$scratch/copy/outcome.json" exit_code)" = 74 ] && grep -q 'the storage failed to read 2' "$scratch/said" && as_it_was
ok $? "nothing can be read: exit code 74, and nothing is renamed"
failing 1 0
[ "$(value "$scratch/copy/outcome.json" exit_code)" = 74 ] && grep -q 'rank 0 finds it whole' "$scratch/said" && as_it_was
ok $? "one rank cannot read a checkpoint: exit code 74, and nothing is renamed"
failing 0 2
grep -q 'resumed at step 6 ' "$scratch/said" && [ -z "$(find "$scratch/copy/checkpoints" -name '*.bad*')" ]
ok $? "a failure to read that passes: read again"

# Whoever leaves first with a code other than 0 has mpirun kill the others: rank 0 has removed its lock by then.
rm -rf "$scratch/copy" && cp -a "$scratch/base" "$scratch/copy"
cat >"$scratch/after" <<END
#!/bin/bash
"\$@"
code=\$?
[ ! -e "$scratch/copy/lock" ] || echo early >>"$scratch/early"
exit \$code
END
chmod +x "$scratch/after"
FAULT_PRELOAD=$tools/preload.so FAULT_PATHS=$scratch/copy/lock FAULT_CALL=unlink:0 FAULT_LATE=200 FAULT_NOTE=$scratch/late timeout -k 5 120 \
    $MPIRUN -n 2 "$scratch/after" "$tools/rank" "$scratch/ended" "$bitrun" "$scratch/tiny.json" --out "$scratch/copy" --steps-limit 1 "${quiet[@]}" \
    >"$scratch/said" 2>&1
[ "$(value "$scratch/copy/outcome.json" exit_code)" = 75 ] && [ -s "$scratch/late" ] && [ ! -e "$scratch/copy/lock" ] && [ ! -e "$scratch/early" ]
ok $? "storage that is slow to remove the lock: no rank leaves before it is gone"

# Rank 1 sees a folder of its own by that name, as when it lies on a node's own disk.
for by in "unshare -m" "unshare -rm"; do
    $by mount --bind "$scratch" "$scratch" 2>/dev/null && break
    by=''
done
if [ -n "$by" ]; then
    mkdir -p "$scratch/own" "$scratch/apart/checkpoints"
    cat >"$scratch/elsewhere" <<END
#!/bin/bash
exec $by sh -c 'mount --bind "$scratch/own" "$scratch/apart/checkpoints" && exec "\$@"' sh "\$@"
END
    chmod +x "$scratch/elsewhere"
    apart=("$bitrun" "$scratch/tiny.json" --out "$scratch/apart" --steps-limit 6 "${quiet[@]}")
    timeout -k 5 120 $MPIRUN -n 2 "$top_srcdir/tests/each-rank" "${apart[@]}" // "$scratch/elsewhere" "${apart[@]}" >"$scratch/said" 2>&1
    [ "$(value "$scratch/apart/outcome.json" exit_code)" = 74 ] && grep -q 'do all hosts have the same file system' "$scratch/said" &&
        [ -z "$(find "$scratch/apart/checkpoints" "$scratch/own" -name 'step-*' -o -name newest)" ]
    ok $? "a rank's folder that is not the others': nothing is committed, exit code 74"
fi
exit $bad
