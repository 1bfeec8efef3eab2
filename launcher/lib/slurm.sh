# bit-launch --slurm: the batch script and its submission (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# The job's own script. USR1 comes from Slurm `lead` seconds before the time limit (at times 25 s early) or from a user
# who wants a checkpoint; which of the two, the time left tells. TERM comes with pre-emption and scancel.
batch_script() {
    local option
    echo '#!/bin/bash'
    echo "#SBATCH --job-name=bit-$name"
    echo "#SBATCH --ntasks=$ranks"
    echo "#SBATCH --cpus-per-task=$width"
    echo '#SBATCH --requeue'
    echo '#SBATCH --open-mode=append'
    echo "#SBATCH --signal=B:USR1@$lead"
    echo "#SBATCH --output=\"$out/slurm-%j.log\""
    for option in ${sbatch_options[@]+"${sbatch_options[@]}"}; do echo "#SBATCH $option"; done
    echo '# Written by bit-launch --slurm.'
    echo "lead=$lead"
    echo "out=$(printf %q "$out")"
    echo "launch=($(printf '%q ' "${again[@]}"))"
    echo "first=($([ $fresh = no ] || echo --fresh) $([ $force = no ] || echo --force))"
    cat <<'END'
# Only the first start may begin from nothing.
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] && launch+=("${first[@]}")
idle=$out/slurm-$SLURM_JOB_ID.idle # how many starts in a row have made no checkpoint
newest() { find "$out/checkpoints" -maxdepth 1 -name 'step-*' ! -name '*.*' -printf '%f\n' 2>/dev/null | sort | tail -n 1; }
state() { squeue -h -j "$SLURM_JOB_ID" -o %T 2>/dev/null; }
seconds_left() {
    squeue -h -j "$SLURM_JOB_ID" -o %L 2>/dev/null | awk -F'[-:]' '
        /^[0-9:-]+$/ { s = 0; n = split("1 60 3600 86400", unit, " "); for (i = NF; i > 0; i--) s += $i * unit[NF - i + 1]; print s }'
}
near_limit() { local left; left=$(seconds_left); [ -n "$left" ] && [ "$left" -le $((lead + 60)) ]; }
before=$(newest)
echo "bit: job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)) on $SLURM_JOB_NODELIST, $(date -u +%FT%TZ)"
trap 'if near_limit; then kill -TERM $pid; else kill -USR1 $pid; fi' USR1
trap 'ended_by_slurm=yes; kill -TERM $pid' TERM
ended_by_slurm=no
"${launch[@]}" &
pid=$!
while kill -0 $pid 2>/dev/null; do wait $pid; done
wait $pid
code=$?
echo "bit: exit code $code, $(date -u +%FT%TZ)"
trap '' USR1 TERM
end() {
    rm -f "$idle"
    exit "$1"
}
# Until Slurm ends this shell too: what Slurm itself requeues becomes FAILED when the shell leaves first.
linger() { for ((i = 0; i < 600; i++)); do sleep 1; done; exit "$code"; }
case $code in 74 | 75 | 76) ;; *) end "$code" ;; esac
# TERM came from scancel, the time limit or a pre-emption without grace time when the job is ending already; within a
# grace time it is still running and queued again like after USR1.
if [ $ended_by_slurm = yes ]; then
    sleep 1
    [ "$(state)" = RUNNING ] || linger
fi
# Stopped, late, or a rank lost: again, but not for ever without getting anywhere.
starts=0
[ "$(newest)" = "$before" ] && starts=$(($(cat "$idle" 2>/dev/null || echo 0) + 1))
if [ "$starts" -ge 3 ]; then
    echo "bit: not queued again: $starts starts in a row made no checkpoint; is the time limit too short?"
    end "$code"
fi
if [ "$starts" = 0 ]; then rm -f "$idle"; else echo "$starts" >"$idle"; fi
trap 'exit 0' TERM # the requeue's own
# While the controller is away there is nobody to ask; where requeueing is forbidden, asking again does not help.
for ((refused = 0; refused < 3; )); do
    scontrol requeue "$SLURM_JOB_ID" && linger
    case $(state) in
        RUNNING) refused=$((refused + 1)) ;;
        '') ;;
        *) linger ;;
    esac
    sleep 5
done
end "$code"
END
}

submit() {
    local script
    [ -n "$threads" ] || stop 64 "--slurm: how many cores is a rank to have? Say --threads T, or set threads in the job"
    width=$threads
    job=$(readlink -f "$job")
    again=("$here/bit-launch" "$job" -n "$range" --restarts "$restarts" --threads "$threads" --out "$out" --starter "$starter")
    [ $bind != no ] || again+=(--no-bind)
    [ $verbose = no ] || again+=(--verbose)
    local option
    for option in ${mpi_options[@]+"${mpi_options[@]}"}; do again+=("--mpirun-option=$option"); done
    again+=(${run_options[@]+"${run_options[@]}"})
    if [ $dry = yes ]; then
        batch_script
        return
    fi
    command -v sbatch >/dev/null || stop 66 "there is no sbatch here: is this a Slurm cluster?"
    mkdir -p "$out" || exit 74
    script=$out/slurm.sh
    batch_script >"$script" || stop 74 "cannot write $script"
    # Programs found here are to be found there too.
    BIT_BIN=$(readlink -f "${BIT_BIN:-$(dirname "$bitrun")}") sbatch "$script" || exit 74
    say "log: $out/slurm-JOB.log; checkpoint now: scancel -b -s USR1 JOB"
}
