#!/bin/bash
# A few trials of each row of the fault campaign (tests/faults/campaign; the whole of it is `make check-faults`): two campaigns side by side,
# for most of the time is spent in waiting.
. "$(dirname "$0")/lib.sh"
[ "$MPI_KIND" = openmpi ] || { echo "what mpirun does to ranks when it is hit is written down for Open MPI only"; exit 77; }
# A small network: most of the time would go into its weights. The campaign itself has the larger one, whose saving is met more often.
export FAULT_DEPTH=${FAULT_DEPTH:-8}
# A slow rank is tests/591-slow.sh's, hosts are tests/620-hosts.sh's: how fast ranks are is not to be judged beside other tests.
sides=("hang,signals,points,errors,allbad,memory,gradients" "resume,images,jobs,space,kill,flips,soak")
[ -z "${FAULT_ROWS:-}" ] || sides=("$FAULT_ROWS")
campaign() { # ROWS FOLDER
    "$top_srcdir/tests/faults/campaign" --folder "$2" --short --trials "${FAULT_TRIALS:-1}" --rows "$1" >"$2.out" 2>&1
    echo $? >"$2.code"
}
for i in "${!sides[@]}"; do campaign "${sides[i]}" "$scratch/faults$i" & done
wait
code=0
for i in "${!sides[@]}"; do
    folder=$scratch/faults$i side=$(cat "$scratch/faults$i.code")
    [ -s "$folder/results.tsv" ] || { cat "$folder.out"; exit 1; }
    while IFS=$'\t' read -r row trial seed verdict reason seconds; do
        case $verdict in
            passed) ok 0 "$row $trial" ;;
            skipped) skip "$row $trial" "$reason" ;;
            *) echo "# seed $seed: $reason"
                ok 1 "$row $trial" ;;
        esac
        echo "# took $seconds s"
    done <"$folder/results.tsv"
    [ "$side" = 0 ] || { cat "$folder.out"; code=$side; }
done
exit "$code"
