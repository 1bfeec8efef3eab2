#!/bin/bash
# bit-launch --slurm on a real Slurm (tests/lab/slurm): requeued before the time limit and after a pre-emption, cancelled;
# the weights at the end are those of a run that nothing disturbed.
set -u
launch=${top_srcdir:?}/launcher/bit-launch
lab=$top_srcdir/tests/lab/slurm
export BIT_BIN=${top_builddir:?}
[ "${MPI_KIND:?}" = openmpi ] || { echo "needs Open MPI"; exit 77; }
scratch=$(mktemp -d) || exit 1
chmod 755 "$scratch"
trap 'PATH=$PATH:/usr/sbin "$lab" stop "$scratch/lab" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
"$lab" start "$scratch/lab" || exit $?
eval "$("$lab" env "$scratch/lab")"
unset MPIRUN BIT_PROGRESS
cd "$scratch" || exit 1
# shellcheck source=tests/ok.sh
. "$top_srcdir/tests/ok.sh"

cat >small.json <<END
{"model": {"depth": 14, "width": 1}, "threads": 1, "micro_batch": 4,
 "data": {"train": "$top_srcdir/data/digits/train", "val": "", "size": 16, "resize": 16},
 "schedule": {"steps": 200, "batch": 8, "warmup_steps": 2, "decay_steps": [100]},
 "checkpoint": {"every_steps": 100}, "evaluation": {"every_epochs": 0, "at_end": false}}
END
field() { scontrol -o show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
state() { sed -n 's/.*"state": *"\([a-z]*\)".*/\1/p' "$1/outcome.json" 2>/dev/null; }
# shellcheck disable=SC2317
step() { sed -n 's/.*"step": *\([0-9]*\).*/\1/p' "$1/outcome.json" 2>/dev/null | head -n 1; }
wait_for() { # SECONDS COMMAND...
    local i limit=$(($1 * 5))
    shift
    for ((i = 0; i < limit; i++)); do
        "$@" && return
        sleep 0.2
    done
    return 1
}
# shellcheck disable=SC2317
at_step() { [ "$(step "$1")" -ge "$2" ] 2>/dev/null; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
submit() { # DIR ARGUMENT...: the job's number in $job
    local dir=$1
    shift
    job=$("$launch" small.json -n 2 --slurm --nodes=2 --no-bind --out "$dir" "$@" 2>said | sed -n 's/^Submitted batch job //p')
    [ -n "$job" ]
}
log() { cp "$1/slurm-$job.log" said 2>/dev/null; }

"$launch" small.json -n 2 --no-bind --out whole >said 2>&1 </dev/null
ok $? "a run that nothing disturbs"
hash=$("$top_builddir/bit" ckpt hash whole)

# Slurm's signal before the time limit comes a minute early at best, so the limit is brought near instead.
submit limit --time=30
ok $? "submitted"
wait_for 120 at_step limit 8 && scancel -b -s USR1 "$job" && sleep 0.5 && [ "$(squeue -h -j "$job" -o %T)" = RUNNING ]
ok $? "USR1 far from the time limit: the run goes on"
scontrol update jobid="$job" timelimit=2
scancel -b -s USR1 "$job"
wait_for 120 is "$job" Restarts 1
ok $? "USR1 near the time limit: saved and queued again"
wait_for 300 is "$job" JobState COMPLETED && [ "$(state limit)" = finished ]
ok $? "and finished by its second start"
log limit
grep -q 'start 2 on' said && [ "$("$top_builddir/bit" ckpt hash limit)" = "$hash" ]
ok $? "the same bits as undisturbed"

for starter in srun mpirun; do
    submit "pre-empted-$starter" --time=30 --starter=$starter
    wait_for 120 at_step "pre-empted-$starter" 8
    sbatch -p urgent --nodes=2 --exclusive -o /dev/null --wrap 'sleep 1' >/dev/null
    wait_for 120 is "$job" Restarts 1
    ok $? "$starter: pre-empted and queued again"
    wait_for 300 is "$job" JobState COMPLETED
    ok $? "$starter: finished"
    log "pre-empted-$starter"
    [ "$("$top_builddir/bit" ckpt hash "pre-empted-$starter")" = "$hash" ]
    ok $? "$starter: the same bits as undisturbed"
done

submit cancelled --time=30
wait_for 120 at_step cancelled 8
scancel "$job"
wait_for 120 is "$job" JobState CANCELLED && is "$job" Restarts 0
ok $? "scancel: cancelled, not queued again"
log cancelled
[ "$(state cancelled)" = stopped ]
ok $? "and saved before"
submit broken --set schedule.batch=6
[ $? = 1 ] && grep -q batch said
ok $? "a job that cannot run is not submitted"
exit $bad
