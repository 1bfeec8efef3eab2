#!/bin/bash
# bit-launch --slurm on a real Slurm (tests/lab/slurm): a few scenarios of tests/slurm; all of them are `make check-slurm`.
scratch=$(mktemp -d) || exit 1
pid=''
# The daemons end before their folder goes, also when this test is ended from outside.
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
[ "${MPI_KIND:?}" = openmpi ] || { echo "needs Open MPI"; exit 77; }
read -r -a scenarios <<<"${SLURM_SCENARIOS:-node:srun elastic:mpirun hang:srun options:mpirun preempt:srun limit:mpirun early:mpirun}"
"${top_srcdir:?}/tests/slurm/scenarios" --folder "$scratch" --at-once 7 "${scenarios[@]}" >"$scratch/out" 2>&1 &
pid=$!
wait $pid
code=$?
pid=''
[ $code != 77 ] || { cat "$scratch/out"; exit 77; }
[ -s "$scratch/results.tsv" ] || { cat "$scratch/out"; exit 1; }
number=0
while IFS=$'\t' read -r name starter _ verdict reason seconds; do
    number=$((number + 1))
    case $verdict in
        passed) echo "ok $number - $name under $starter ($seconds s)" ;;
        *) echo "not ok $number - $name under $starter: $reason"
            tail -n 30 "$scratch/$name-$starter-1"/run/slurm-*.log | sed 's/^/    /' ;;
    esac
done <"$scratch/results.tsv"
[ "$number" = ${#scenarios[@]} ] || { cat "$scratch/out"; exit 1; }
exit $code
