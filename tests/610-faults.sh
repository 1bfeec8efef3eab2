#!/bin/bash
# A few trials of each row of the fault campaign (tests/faults/campaign; the whole of it is `make check-faults`).
. "$(dirname "$0")/lib.sh"
[ "$MPI_KIND" = openmpi ] || { echo "what mpirun does to ranks when it is hit is written down for Open MPI only"; exit 77; }
# A small network: most of the time would go into its weights. The campaign itself has the larger one, whose saving is met more often.
export FAULT_DEPTH=${FAULT_DEPTH:-8}
# A slow rank is tests/591-slow.sh's, hosts are tests/620-hosts.sh's: how fast ranks are is not to be judged beside other tests.
rows=kill,points,space,errors,flips,allbad,images,jobs,hang,signals,memory,gradients,resume,soak
"$top_srcdir/tests/faults/campaign" --folder "$scratch/faults" --short --trials "${FAULT_TRIALS:-1}" --rows "${FAULT_ROWS:-$rows}" >"$scratch/out" 2>&1
code=$?
[ -s "$scratch/faults/results.tsv" ] || { cat "$scratch/out"; exit 1; }
while IFS=$'\t' read -r row trial seed verdict reason seconds; do
    case $verdict in
        passed) ok 0 "$row $trial" ;;
        skipped) skip "$row $trial" "$reason" ;;
        *) echo "# seed $seed: $reason"
            ok 1 "$row $trial" ;;
    esac
    echo "# took $seconds s"
done <"$scratch/faults/results.tsv"
[ $code = 0 ] || cat "$scratch/out"
exit $code
