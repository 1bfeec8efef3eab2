#!/bin/bash
# Which kernel serves what: the table in src/compute/README.md is what bit bench ops --explain says on each instruction set that this machine
# has; and a precision that is slower than float32 by these kernels is warned of.
. "$(dirname "$0")/lib.sh"
bit=$top_builddir/bit
levels=$("$top_builddir/bit" version >/dev/null && for level in amx avx512_bf16 avx512 avx2 generic; do
    if BIT_ISA=$level "$bit" bench ops --explain --model R8x1 --size 32 >/dev/null 2>&1; then echo $level; fi
done)
backends='onednn openblas'
"$bit" bench ops --explain --backend onednn --model R8x1 --size 32 >/dev/null 2>&1 || backends=openblas

# kinds LEVEL PRECISION BACKEND: "KERNEL/STRIDE DIRECTION: NAMES" of R50x1's convolutions but the head's, sorted.
kinds() {
    BIT_ISA=$1 "$bit" bench ops --explain --json --model R50x1 --precision "$2" --backend "$3" | awk '
        /"height"/ && !/"outputs": 1000,/ {
            match($0, /"kernel": [0-9]+/); kernel = substr($0, RSTART + 10, RLENGTH - 10)
            match($0, /"stride": [0-9]+/); stride = substr($0, RSTART + 10, RLENGTH - 10)
            sub(/.*"kernels": \[/, ""); sub(/\].*/, ""); gsub(/[" ]/, "")
            split($0, name, ",")
            for (d = 1; d <= 3; d++) if (name[d] != "") seen[kernel "x" kernel "/" stride " " substr("fdw", d, 1) " " name[d]] = 1
        }
        END { for (k in seen) print k }' | sort | awk '
        { key = $1 " " $2; names[key] = names[key] (names[key] == "" ? "" : "+") $3 }
        END { for (k in names) print k, names[k] }' | sort
}
# The README's rows: | level, level | precision | backend | shape | f | d | w |
table() { # LEVEL PRECISION BACKEND
    awk -F'|' -v level="$1" -v precision="$2" -v backend="$3" '
        /^\| / && NF == 9 {
            for (i = 2; i <= 8; i++) gsub(/^ +| +$/, "", $i)
            if ((", " $2 ",") !~ (", " level ",") || $3 != precision || $4 != backend) next
            n = split("f d w", direction, " ")
            for (d = 1; d <= 3; d++) if ($(d + 5) != "-") print $5, direction[d], $(d + 5)
        }' "$top_srcdir/src/compute/README.md" | sort
}
for level in $levels; do
    for precision in float32 bfloat16; do
        for backend in $backends; do
            found=$(kinds "$level" $precision "$backend") expected=$(table "$level" $precision "$backend")
            [ -n "$found" ] && [ "$found" = "$expected" ]
            ok $? "src/compute/README.md has the kernels of $precision, $backend, $level" || diff <(echo "$expected") <(echo "$found") | sed 's/^/# /'
        done
    done
done

cat >"$scratch/job.json" <<'JOB'
{"precision": "bfloat16", "micro_batch": 8, "model": {"depth": 50, "width": 1},
 "data": {"train": "nowhere", "val": "", "size": 64}, "schedule": {"epochs": 90, "batch": 64}}
JOB
for level in $levels; do
    BIT_ISA=$level "$bit" plan "$scratch/job.json" --images 1000000 --classes 10 >"$scratch/said" 2>&1
    grep -q 'bfloat16 is slower than float32 on this processor' "$scratch/said"
    warned=$?
    case $level in
        # Plain C waits for its products, not for conversions.
        amx | generic) [ $warned = 1 ]; ok $? "bit plan does not warn of bfloat16: $level" ;;
        *) [ $warned = 0 ]; ok $? "bit plan warns that bfloat16 is slower: $level" ;;
    esac
done
BIT_ISA=generic "$bit" plan "$scratch/job.json" --set precision=float32 --images 1000000 --classes 10 >"$scratch/said" 2>&1
! grep -q 'slower than float32' "$scratch/said"
ok $? "bit plan does not warn of float32"
exit $bad
