#!/bin/bash
# The training step over ranks: 1, 2 and 4 ranks give the same bits; faults on one rank end or skip the step on all, with the
# same words, and nobody is left waiting.
. "$(dirname "$0")/lib.sh"
data="$top_srcdir/data/digits"

steps() { # RANKS FOLDER MODE STEPS: output to $scratch/MODE.RANKS
    mpi 120 "$1" "$top_builddir/tests/train/steps" "$2" "$3" "$4" > "$scratch/$3.$1" 2> "$scratch/errors"
    local status=$?
    [ $status -eq 0 ] || { echo "# $3 with $1 ranks: exit $status"; sed 's/^/# /' "$scratch/errors"; }
    return $status
}
says() { # MODE.RANKS PATTERN
    grep -Eq "$2" "$scratch/$1" || { echo "# no '$2' in:"; sed 's/^/# /' "$scratch/$1"; return 1; }
}
check() { # WHAT COMMAND...
    "${@:2}"
    ok $? "$1"
}

for ranks in 1 2 4; do
    check "$ranks ranks train" steps $ranks "$data" train 4
done
check "losses, norms and hash: 2 ranks as 1" cmp "$scratch/train.1" "$scratch/train.2"
check "losses, norms and hash: 4 ranks as 1" cmp "$scratch/train.1" "$scratch/train.4"
check "four steps and a hash" [ "$(wc -l < "$scratch/train.1")" = 5 ]
# Detection's loss is divided by a number that is known only after all images.
for ranks in 1 2 4; do
    check "$ranks ranks train detection" steps $ranks "$data" detect 3
done
check "detection: 2 ranks as 1" cmp "$scratch/detect.1" "$scratch/detect.2"
check "detection: 4 ranks as 1" cmp "$scratch/detect.1" "$scratch/detect.4"
first=$(printf '%.1f' "$(awk '{ print $4; exit }' "$scratch/detect.1")") # written in hexadecimal
check "detection: the first loss has the prior in it" awk -v loss="$first" 'BEGIN { exit !(loss > 1 && loss < 3) }'
check "batch norm, 2 ranks" steps 2 "$data" batch-norm 2
check "batch norm's replicas agree" says batch-norm.2 '^hash'

check "stop, 2 ranks" steps 2 "$data" stop 4
check "stop names the rank" says stop.2 'failed \(data\): the loss of rank 1 is -?nan'
check "skip, 4 ranks" steps 4 "$data" skip 4
check "one step was skipped" [ "$(grep -c skipped "$scratch/skip.4")" = 1 ]
check "skip goes on" says skip.4 '^hash'
check "replica, 4 ranks" steps 4 "$data" replica 5
check "the minority is named" says replica.4 'failed \(internal\): the weights of rank 3 .* differ'
check "replica, 2 ranks" steps 2 "$data" replica 5
check "two ranks have no majority" says replica.2 'no majority'

check "memory, 2 ranks" steps 2 "$data" memory 1
check "every allocation failed once" says memory.2 '^survived ([89]|[1-9][0-9]+) failures'
check "after failed allocations the step has the bits of an undisturbed one" grep -Fqx "$(head -n 1 "$scratch/train.1")" "$scratch/memory.2"

# Images that only one rank's stream finds bad, all of them.
check "bad images, 4 ranks" steps 4 "$data" bad-images 2
check "the failing rank is named" says bad-images.4 'failed \(data\): rank [0-9]'
exit $bad
