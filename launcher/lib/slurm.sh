# bit-launch --slurm: the batch script and its submission (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# What the programs need of the environment that they were just tried in, for jobs that do not get it (--export=NONE, SBATCH_EXPORT).
# Steps get the whole environment of the script in any case.
submission_environment() {
    local variable
    echo 'exported=${SLURM_EXPORT_ENV:-ALL}'
    echo 'export SLURM_EXPORT_ENV=ALL'
    printf 'export BIT_BIN=%q\n' "$bin"
    echo 'has() { case ,$exported, in *,ALL,* | *,"$1",* | *,"$1="*) ;; *) false ;; esac; }'
    for variable in PATH LD_LIBRARY_PATH OPAL_PREFIX MPIRUN $(compgen -e | grep -E '^(BIT|OMPI_MCA|PMIX_MCA|PRTE_MCA)_'); do
        case $variable in BIT_BIN | BIT_LAUNCH | BIT_PROGRESS | BIT_BUILD) continue ;; esac
        [ -z "${!variable:-}" ] || printf 'has %s || export %s=%q\n' "$variable" "$variable" "${!variable}"
    done
}

# The job's own script. USR1 comes from Slurm `lead` seconds before the time limit (at times 25 s early) or from a user
# who wants a checkpoint; which of the two, the time left tells. TERM comes with pre-emption and scancel; USR2 from somebody who wants the run
# to save and to stop for good. How the job ended for good it writes down itself, for Slurm forgets: slurm-JOB.end, which bitd reads.
batch_script() {
    local option
    echo '#!/bin/bash'
    echo "#SBATCH $(quoted "--job-name=bit-$name")"
    echo "#SBATCH --ntasks=$ranks"
    echo "#SBATCH --cpus-per-task=$width"
    echo '#SBATCH --requeue'
    echo '#SBATCH --open-mode=append'
    echo "#SBATCH --signal=B:USR1@$lead"
    # sbatch puts numbers in the place of %j, %A and others.
    echo "#SBATCH $(quoted "--output=${out//%/%%}/slurm-%j.log")"
    for option in ${sbatch_options[@]+"${sbatch_options[@]}"}; do echo "#SBATCH $(quoted "$option")"; done
    echo '# Written by bit-launch --slurm.'
    # What comes before main is ready must not end this shell by default, and is not forgotten.
    echo "early=no asked=no ended_by_slurm=no by_limit=no by_hand=no"
    echo "trap 'early=yes' USR1"
    echo "trap 'ended_by_slurm=yes asked=yes' TERM"
    echo "trap 'by_hand=yes asked=yes' USR2"
    submission_environment
    echo "lead=$lead"
    echo "out=$(printf %q "$out")"
    echo "bit=$(printf %q "$bit")"
    echo "launch=($(printf '%q ' "${again[@]}"))"
    echo "first=($([ $fresh = no ] || echo --fresh) $([ $force = no ] || echo --force))"
    echo "known=$(printf %q "$(stat -c '%i %s %Y' "$out/job.json" 2>/dev/null)")"
    cat <<'END'
idle=$out/slurm-$SLURM_JOB_ID.idle # how many starts in a row have made no checkpoint
# The last task of an array has the number of the whole array, which means all of its tasks.
ended=$out/slurm-$SLURM_JOB_ID.end
export BIT_KILLS=$out/slurm-$SLURM_JOB_ID.kills # made by bit-launch when the kernel has killed ranks for want of memory
me=$SLURM_JOB_ID
[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || me=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
newest() { find "$out/checkpoints" -maxdepth 1 -name 'step-*' ! -name '*.*' -printf '%f\n' 2>/dev/null | sort | tail -n 1; }
state() { squeue -h -j "$me" -o %T 2>/dev/null; }
seconds() {
    awk -F'[-:]' '
        /^[0-9:-]+$/ { s = 0; n = split("1 60 3600 86400", unit, " "); for (i = NF; i > 0; i--) s += $i * unit[NF - i + 1]; print s }'
}
# When nobody knows it may be: to stop and to be queued again loses nothing.
near_limit() {
    local left i
    for i in 1 2 3; do
        left=$(squeue -h -j "$me" -o %L 2>/dev/null)
        [ -z "$left" ] || break
        sleep 1
    done
    [ -n "$left" ] || return 0
    left=$(seconds <<<"$left")
    [ -n "$left" ] && [ "$left" -le $((lead + 60)) ]
}
record() { # CODE true|false (GAVE UP)
    local by_slurm=false no_memory=false
    [ $by_limit$ended_by_slurm = nono ] || by_slurm=true
    [ ! -e "$BIT_KILLS" ] || no_memory=true
    printf '{"v":1,"code":%d,"gave_up":%s,"by_slurm":%s,"no_memory":%s,"start":%d,"time":%d}\n' "$1" "$2" $by_slurm $no_memory \
        $((${SLURM_RESTART_COUNT:-0} + 1)) "$(date +%s)" \
        >"$ended.part" && sync "$ended.part" && mv -f "$ended.part" "$ended" && sync "$out"
}
end() { # CODE [true]
    rm -f "$idle"
    record "$1" "${2:-false}"
    rm -f "$BIT_KILLS"
    exit "$1"
}
# Until Slurm ends this shell too: what Slurm itself requeues becomes FAILED when the shell leaves first.
linger() { for ((i = 0; i < 600; i++)); do sleep 1; done; exit "$code"; }
# bit-launch may not be there yet, or not hear yet: a wish to stop is told again (see main), one to save is pointless before, and would end it.
hears_save() {
    local key value
    while read -r key value; do
        [ "$key" != SigCgt: ] || return $(((0x$value >> 9 & 1) == 0))
    done 2>/dev/null <"/proc/$pid/status"
    return 1
}
save() { if [ -n "$pid" ] && hears_save; then kill -USR1 "$pid" 2>/dev/null; fi; }
stop() {
    asked=yes
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null
}
# In its $(...) bash 5.2 reads the command of a trap as if it stood there, and wants a ): see lib/signals.sh of bit-launch.
bit_close() { :; }
shopt -s expand_aliases
alias bit_close='(:'
# One function, so that all is read before the first trap.
main() {
    pid=''
    trap 'if near_limit; then by_limit=yes; stop; else save; fi; bit_close )' USR1
    trap 'ended_by_slurm=yes; stop; bit_close )' TERM
    trap 'by_hand=yes; stop; bit_close )' USR2
    [ $early = no ] || ! near_limit || by_limit=yes asked=yes
    rm -f "$ended" "$BIT_KILLS"
    echo "bit: job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)) on $SLURM_JOB_NODELIST, $(date -u +%FT%TZ)"
    ls "$out" >/dev/null 2>&1 # renews what a network file system remembers of it
    # Until the new run has written its job, --fresh may begin from nothing; no later start, and no later task of an array.
    [ "$(stat -c '%i %s %Y' "$out/job.json" 2>/dev/null)" = "$known" ] && launch+=("${first[@]}")
    before=$(newest)
    "${launch[@]}" &
    pid=$!
    # A TERM that comes between the start of a process and its trap is lost: it is sent again until the end, and there is a look in the
    # first minute, for one that comes just before a wait does not end that wait.
    looks=30
    while kill -0 $pid 2>/dev/null; do
        nap=''
        if [ $asked = yes ] || [ $looks -gt 0 ]; then
            sleep 2 &
            nap=$!
        fi
        wait -n $pid $nap
        if [ -n "$nap" ] && ! kill $nap 2>/dev/null; then looks=$((looks - 1)); fi
        [ $asked = no ] || stop
    done
    wait $pid
    code=$?
    echo "bit: exit code $code, $(date -u +%FT%TZ)"
    trap '' USR1 TERM
    [ $code != 143 ] || [ $asked = no ] || code=75 # TERM came before bit-launch could hear it: nothing had begun
    [ $code -le 128 ] || code=74                  # bit-launch itself was killed
    case $("$bit" end --code $code) in again* | later*) ;; *) end "$code" ;; esac
    [ $by_hand = no ] || end "$code"
    # TERM came from scancel, the time limit or a pre-emption without grace time when the job is ending already; within a
    # grace time it is still running and queued again like after USR1.
    if [ $ended_by_slurm = yes ]; then
        sleep 1
        [ "$(state)" = RUNNING ] || linger
    fi
    # Stopped, timed out, or a rank lost: again, but not for ever without getting anywhere.
    starts=0
    [ "$(newest)" = "$before" ] && starts=$(($(cat "$idle" 2>/dev/null || echo 0) + 1))
    if [ "$starts" -ge 3 ]; then
        why='what stopped it is said above'
        [ "$code" != 75 ] || why='is the time limit too short?'
        echo "bit: not queued again: $starts starts in a row made no checkpoint; $why"
        end "$code" true
    fi
    if [ "$starts" = 0 ]; then rm -f "$idle"; else echo "$starts" >"$idle"; fi
    trap 'exit 0' TERM # the requeue's own
    # While the controller is away there is nobody to ask; where requeueing is forbidden, asking again does not help.
    for ((refused = 0; refused < 3; )); do
        [ $by_hand = no ] || break
        scontrol requeue "$me" && linger
        case $(state) in
            RUNNING) refused=$((refused + 1)) ;;
            '') ;;
            *) linger ;;
        esac
        sleep 5
    done
    end "$code"
}
main
END
}

# A word of an #SBATCH line: in quotes where sbatch would take it for several, or for a comment.
quoted() {
    case $1 in
        *[[:space:]\#\'\"\\]*) local word=${1//\\/\\\\}; echo "\"${word//\"/\\\"}\"" ;;
        *) echo "$1" ;;
    esac
}

# The options of sbatch may ask for more nodes than there are ranks.
tell_idle_nodes() {
    local option nodes=1
    for option in ${sbatch_options[@]+"${sbatch_options[@]}"}; do
        case $option in --nodes=* | -N*) nodes=${option#--nodes=} nodes=${nodes#-N} nodes=${nodes%%-*} ;; esac
    done
    if is_count "$nodes"; then tell_idle "$nodes" "nodes asked for"; fi
}

submit() {
    local script bin
    bin=$(readlink -f "${BIT_BIN:-$(dirname "$bitrun")}")
    tell_idle_nodes
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
    case $out in
        *[$'\n\r\\']*) stop 64 "--out $(printf %q "$out"): with --slurm without backslashes and new lines, in which sbatch can name no log" ;;
    esac
    mkdir -p "$out" || exit 74
    script=$out/slurm.sh
    batch_script >"$script" || stop 74 "cannot write $script"
    # Programs found here are to be found there too.
    BIT_BIN=$bin sbatch "$script" || exit 74
    say "log: $out/slurm-JOB.log; checkpoint now: scancel -b -s USR1 JOB; save and stop: scancel -b -s USR2 JOB"
}
