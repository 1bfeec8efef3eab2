#!/bin/bash
# bit-launch --slurm on a real Slurm (tests/lab/slurm): a few scenarios of tests/slurm; all of them are `make check-slurm`.
. "$(dirname "$0")/lib.sh"
pid=''
# The daemons end before their folder goes, also when this test is ended from outside.
clean_up() { [ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; }
trap 'exit 130' INT TERM HUP
[ "$MPI_KIND" = openmpi ] || { echo "needs Open MPI"; exit 77; }
read -r -a scenarios <<<"${SLURM_SCENARIOS:-node:srun elastic:mpirun hang:srun options:mpirun preempt:srun limit:mpirun early:mpirun}"
"$top_srcdir/tests/slurm/scenarios" --folder "$scratch" --at-once 7 "${scenarios[@]}" >"$scratch/out" 2>&1 &
pid=$!
wait $pid
code=$?
pid=''
[ $code != 77 ] || { cat "$scratch/out"; exit 77; }
[ -s "$scratch/results.tsv" ] || { cat "$scratch/out"; exit 1; }
count=0
while IFS=$'\t' read -r name starter _ verdict reason seconds; do
    count=$((count + 1))
    [ "$verdict" = passed ] || echo "# $reason"
    [ "$verdict" = passed ]
    ok $? "$name under $starter"
    echo "# $seconds s"
    case $verdict in
        passed) ;;
        *) tail -n 30 "$scratch/$name-$starter-1"/run/slurm-*.log | sed 's/^/    /' ;;
    esac
done <"$scratch/results.tsv"
[ "$count" = ${#scenarios[@]} ] || { cat "$scratch/out"; exit 1; }
exit $code
