#!/bin/bash
# The reduction over four hosts with lines of their own, 200 Mbit/s each. How much of the lines it uses is said, not judged:
# other work on the machine would decide that.
. "$(dirname "$0")/lib.sh"
[ "$MPI_KIND" = openmpi ] || { echo "not Open MPI"; exit 77; }
lab=$top_srcdir/tests/lab/hosts
clean_up() { "$lab" stop "$scratch"; }
"$lab" start "$scratch" 4 200mbit || exit $?
# What this test's environment says of binding and the like stays outside.
unset OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_hwloc_base_binding_policy PRTE_MCA_rmaps_default_mapping_policy \
    PRTE_MCA_hwloc_default_binding_policy
MPIRUN="$lab mpirun $scratch" timeout -k 5 60 "$top_builddir/bit" bench reduce --ranks 4 --threads 1 --model R14x1 --classes 10 \
    --seconds 0.001 --repeat 3 -- --host "$("$lab" list "$scratch")" > "$scratch/out" 2> "$scratch/err"
code=$?
sed 's/^/# /' "$scratch/out" "$scratch/err"
[ $code = 0 ]
ok $? "four hosts measure"
grep -q '^4 ranks, 1 on a machine' "$scratch/out"
ok $? "each of the four hosts is a machine of its own"
grep -q '^sums: correct$' "$scratch/out"
ok $? "sums are correct"
# Bytes without headers, of 25 MB a second.
share=$(sed -n 's/^GB\/s: //p' "$scratch/out" | awk '{ printf "%.0f", $1 / 0.025 * 100 }')
[ "${share:-0}" -gt 0 ] && [ "$share" -le 101 ]
ok $? "the four hosts use no more than their lines can carry: ${share:-no} % of it"
MPIRUN="$lab mpirun $scratch" timeout -k 5 60 "$top_builddir/bit" bench reduce --ranks 4 --threads 1 --model R14x1 --classes 10 \
    --seconds 0.001 --repeat 3 --fit "$scratch/fit.json" -- --host "$("$lab" list "$scratch" | sed 's/\([^,]*\),\([^,]*\).*/\1:2,\2:2/')" \
    > "$scratch/out" 2> "$scratch/err"
[ $? = 64 ] && [ ! -e "$scratch/fit.json" ]
ok $? "two ranks on each of two hosts measure neither machine nor network"
grep -- '--fit' "$scratch/err" | sed 's/^/# /'
exit $bad
