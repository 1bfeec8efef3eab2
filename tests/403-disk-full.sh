#!/bin/bash
# A disk that fills up at any moment of a save at two ranks: typed failure, the former generation bit-identical, nothing
# left behind; with room again the next save works. Needs root for a small tmpfs.
scratch=$(mktemp -d) || exit 1
trap 'umount "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
mount -t tmpfs -o size=4m none "$scratch" 2>/dev/null || { echo "no small file system can be mounted"; exit 77; }
ranks=${top_builddir:?}/tests/store/store_ranks
number=0 failed=0 full=0
say() {
    local verdict=$?
    number=$((number + 1))
    if [ $verdict = 0 ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; failed=1; fi
}
$MPIRUN -n 2 "$ranks" save "$scratch/c" 1 0 1 >/dev/null 2>&1 || exit 1
before=$(cd "$scratch/c/step-000000000001" && cat ./* | md5sum)
for free in 0 8 24 256 500 508 512 516 600; do # kB; a save needs some 530
    rm -f "$scratch/filler"
    available=$(df -k --output=avail "$scratch" | tail -1)
    head -c $(((available - free) * 1024)) /dev/zero >"$scratch/filler"
    errors=$($MPIRUN -n 2 "$ranks" save "$scratch/c" 2 0 1 2>&1 >/dev/null)
    code=$?
    [ $code = 0 ] && break
    full=$((full + 1))
    # shellcheck disable=SC2015
    [ $code = 74 ] && grep -q "No space left on device" <<<"$errors" && [ "$(ls -A "$scratch/c")" = $'.lock\nnewest\nstep-000000000001' ] &&
        [ "$(cd "$scratch/c/step-000000000001" && cat ./* | md5sum)" = "$before" ] || { echo "$errors"; false; }
    say "$free kB free"
done
[ $full -ge 5 ]
say "the disk was full $full times"
rm -f "$scratch/filler"
$MPIRUN -n 2 "$ranks" save "$scratch/c" 3 0 1 >/dev/null 2>&1 && "$top_builddir/bit" ckpt verify "$scratch/c" >/dev/null
say "with room again the next save works"
exit $failed
