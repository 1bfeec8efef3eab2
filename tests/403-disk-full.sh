#!/bin/bash
# A disk that fills up at any moment of a save at two ranks: typed failure, the former generation bit-identical, nothing
# left behind; with room again the next save works. Needs root for a small tmpfs.
. "$(dirname "$0")/lib.sh"
small=$scratch/small
mkdir "$small"
clean_up() { umount "$small" 2>/dev/null; }
mount -t tmpfs -o size=4m none "$small" 2>/dev/null || { echo "no small file system can be mounted"; exit 77; }
ranks=$top_builddir/tests/store/store_ranks
full=0
$MPIRUN -n 2 "$ranks" save "$small/c" 1 0 1 >/dev/null 2>&1 || exit 1
before=$(cd "$small/c/step-000000000001" && cat ./* | md5sum)
for free in 0 8 24 256 500 508 512 516 600; do # kB; a save needs some 530
    rm -f "$small/filler"
    available=$(df -k --output=avail "$small" | tail -1)
    head -c $(((available - free) * 1024)) /dev/zero >"$small/filler"
    errors=$($MPIRUN -n 2 "$ranks" save "$small/c" 2 0 1 2>&1 >/dev/null)
    code=$?
    [ $code = 0 ] && break
    full=$((full + 1))
    # shellcheck disable=SC2015
    [ $code = 74 ] && grep -q "No space left on device" <<<"$errors" && [ "$(ls -A "$small/c")" = $'.lock\nnewest\nstep-000000000001' ] &&
        [ "$(cd "$small/c/step-000000000001" && cat ./* | md5sum)" = "$before" ] || { echo "$errors"; false; }
    ok $? "$free kB free"
done
[ $full -ge 5 ]
ok $? "the disk was full $full times"
rm -f "$small/filler"
$MPIRUN -n 2 "$ranks" save "$small/c" 3 0 1 >/dev/null 2>&1 && "$top_builddir/bit" ckpt verify "$small/c" >/dev/null
ok $? "with room again the next save works"
exit $bad
