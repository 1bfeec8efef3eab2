#!/bin/bash
# A few trials of each row of the fault campaign (tests/faults/campaign; the whole of it is `make check-faults`).
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
: "${top_srcdir:?}"
[ "${MPI_KIND:-openmpi}" = openmpi ] || { echo "what mpirun does to ranks when it is hit is written down for Open MPI only"; exit 77; }
# A small network: most of the time would go into its weights. The campaign itself has the larger one, whose saving is met more often.
export FAULT_DEPTH=${FAULT_DEPTH:-8}
# A slow rank is tests/591-slow.sh's, hosts are tests/620-hosts.sh's: how fast ranks are is not to be judged beside other tests.
rows=kill,points,space,errors,flips,allbad,images,jobs,hang,signals,memory,gradients,resume,soak
"$top_srcdir/tests/faults/campaign" --folder "$scratch/faults" --short --trials "${FAULT_TRIALS:-1}" --rows "${FAULT_ROWS:-$rows}" >"$scratch/out" 2>&1
code=$?
[ -s "$scratch/faults/results.tsv" ] || { cat "$scratch/out"; exit 1; }
number=0
while IFS=$'\t' read -r row trial seed verdict reason seconds; do
    number=$((number + 1))
    case $verdict in
        passed) echo "ok $number - $row $trial ($seconds s)" ;;
        skipped) echo "ok $number - $row $trial # SKIP $reason" ;;
        *) echo "not ok $number - $row $trial, seed $seed: $reason" ;;
    esac
done <"$scratch/faults/results.tsv"
[ $code = 0 ] || cat "$scratch/out"
exit $code
