# bit-launch: one start of the command, to its end: signals, what is left behind, what its end means (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

# mpirun dies when the reader of its output does, and the job with it: an output that is a pipe is copied through.
drain() {
    trap '' PIPE INT TERM HUP USR1 USR2
    cat 2>/dev/null || cat >/dev/null
}

# This machine's processes below PID, and those of the job among them.
all_below() {
    local child
    # shellcheck disable=SC2013
    for child in $(cat "/proc/$1"/task/*/children 2>/dev/null); do
        echo "$child"
        all_below "$child"
    done
}
ranks_below() {
    local process
    for process in $(all_below "$1"); do
        [ "$(readlink "/proc/$process/exe" 2>/dev/null)" != "$bitrun" ] || echo "$process"
    done
}

asked=0 interrupts=0
# TERM to mpirun would kill the ranks within two seconds; USR2 reaches every rank and only asks. Hydra (MPICH) forwards
# USR1 alone, so its ranks on this machine are asked themselves: one that knows is enough.
ask_to_stop() { # SIGNAL
    asked=$((asked + 1))
    [ "$1" != INT ] || interrupts=$((interrupts + 1))
    if [ $interrupts -ge 3 ]; then
        say "ended at once; the last checkpoint stands"
        kill -TERM "$pid" 2>/dev/null
        return
    fi
    if [ $asked -eq 1 ]; then
        say "stopping after a checkpoint (may take a moment)"
    elif [ "$1" = INT ]; then
        say "still saving; Ctrl-C once more ends it at once and loses the steps since the last checkpoint"
    fi
    [ -z "$pid" ] || forward_stop
}
# Before the run has written that it runs there is nothing to save, and ranks without a handler would die of it.
forward_save() { if [ -n "$pid" ] && is_new; then kill -USR1 "$pid" 2>/dev/null; fi; }
forward_stop() {
    local rank_pids
    if [ "$kind" = mpich ]; then
        rank_pids=$(ranks_below "$pid")
        # shellcheck disable=SC2086
        [ -z "$rank_pids" ] || kill -TERM $rank_pids 2>/dev/null
    else
        kill -USR2 "$pid" 2>/dev/null
    fi
}

# Whether this start has written a file of the run's folder. Its time alone says little: another machine's clock may have set it.
# What a network file system remembers of a folder or file is renewed when that is opened.
mark() {
    ls "${1%/*}" >/dev/null 2>&1
    { : <"$1"; } 2>/dev/null
    stat -c '%i %s %y %z' "$1" 2>/dev/null
}
is_new() { [ -e "$out/outcome.json" ] && [ "$("$bit" end "$out" --mark)" != "$outcome_before" ]; }

# mpirun --quiet keeps its reasons to itself (no room in TMPDIR, too few slots, a host that cannot be reached): the same start of a program
# that does nothing tells them. 1: told.
explain_start() { # EXIT CODE
    local word lines try=()
    if [ "$kind" = srun ] || [ $verbose = yes ]; then return 0; fi
    for word in "${command[@]}"; do
        [ "$word" != "$bitrun" ] || break
        [ "$word" = --quiet ] || try+=("$word")
    done
    lines=$(timeout -k 5 20 "${try[@]}" true </dev/null 2>&1) && return 0
    lines=$(printf '%s\n' "$lines" | grep -vE '^[-=*[:space:]]*$' | tail -n 14)
    [ -n "$lines" ] || return 0
    say "${command[0]##*/} ended with exit code $1 and began no rank; it says:"
    printf '%s\n' "$lines" | sed 's/^/    /' >&2
    return 1
}

# What the end means, by bit end: the run's own exit code is returned; $action says whether another start makes sense.
judge() { # CODE OF MPIRUN, yes WHEN IT WAS ENDED FROM OUTSIDE
    local facts=(--code "$1" --before "$outcome_before") code told why
    [ "$2" = no ] || facts+=(--ended)
    [ $asked = 0 ] || facts+=(--asked)
    [ $evaluate = no ] || facts+=(--evaluation)
    mkdir -p "$out" 2>/dev/null
    read -r action code told why < <("$bit" end "$out" "${facts[@]}")
    if [ -z "${code:-}" ]; then action=held code=74 told=told; fi # bit end has said why
    rmdir "$out" 2>/dev/null # it was refused before it had a folder
    case $why in
        'what started it'*)
            explain_start "$1" || told=told
            why="${why/what started it/${command[0]##*/}}; --verbose shows all it says" ;;
        'the run was cut off'*) why="$why. The last checkpoint stands, and the same command goes on from there" ;;
    esac
    [ "$told" = told ] || say "$why"
    return "$code"
}

# What a run that was killed leaves on this machine: ranks that are stopped, shared memory that no process uses any more, and
# mpirun's session folder. Ranks of other starts, also in the same folder, are not touched.
stray_ranks() {
    local d exe
    # One look: a command for each of a machine's processes takes seconds. Names only: a program's own file system may hang.
    find /proc/[0-9]*/exe -maxdepth 0 -printf '%h\t%l\n' 2>/dev/null | while IFS=$'\t' read -r d exe; do
        [ "$exe" = "$bitrun" ] || continue
        # A command in a list of its own: of a process that has just gone, the redirection fails.
        { grep -qzxF -e "BIT_LAUNCH=$BIT_LAUNCH" <"$d/environ"; } 2>/dev/null && echo "${d#/proc/}"
    done
}
clean_up() { # PID OF MPIRUN
    local file i
    for ((i = 0; i < 30; i++)); do
        [ -n "$(stray_ranks)" ] || break
        sleep 0.1
    done
    # shellcheck disable=SC2046
    kill -KILL $(stray_ranks) 2>/dev/null && sleep 0.2
    for file in /dev/shm/vader_segment.* /dev/shm/sm_segment.* /dev/shm/psm*_shm* /dev/shm/mpich_shar_tmp*; do
        [ -O "$file" ] && [ -n "$(find "$file" -maxdepth 0 -newermt "@$began" 2>/dev/null)" ] || continue
        if ! grep -qsF "$file" /proc/[0-9]*/maps; then rm -f "$file"; fi
    done
    mpi_session_folders "$1" | while read -r file; do rm -rf "$file"; done
}

# TERM makes mpirun end the ranks on all hosts, with KILL two seconds later, stopped ones too. Then it waits for every host's
# word, for ever when one is gone; without mpirun the others' daemons end themselves. srun has Slurm end the step, with KILL after its
# KillWait. KILL at once by scancel is the last resort: tasks that end without slurmstepd knowing why can make it hang (Slurm
# 22.05), and a hung one drains its node.
end_run() {
    local i tenths=50
    [ "$kind" != srun ] || tenths=100
    kill -TERM "$pid" 2>/dev/null
    kill -CONT "$pid" 2>/dev/null
    for ((i = 0; i < tenths; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    [ "$kind" != srun ] || kill_step
    # shellcheck disable=SC2046
    kill -KILL $(all_below "$pid") "$pid" 2>/dev/null
}

# KILL for all of the step, on all its nodes; it is known by its name. One that has not begun ends by TERM to srun.
kill_step() {
    local steps step i
    for ((i = 0; i < 10; i++)); do
        if steps=$(timeout 10 squeue -h -s -j "$SLURM_JOB_ID" -o '%i %j' 2>/dev/null); then
            step=$(awk -v name="$step_name" '$2 == name { print $1 }' <<<"$steps")
            [ -n "$step" ] || return
            if timeout 10 scancel --signal=KILL "$step" 2>/dev/null; then break; fi
        fi
        kill -0 "$pid" 2>/dev/null || return
        sleep 1
    done
    for ((i = 0; i < 50; i++)); do
        kill -0 "$pid" 2>/dev/null || return
        sleep 0.1
    done
}

# Of ranks that the kernel has killed for want of memory: nobody else says why they are gone. On other hosts it is not to be seen from here.
kills_before=''
tell_kills() {
    local group machine limit group_before machine_before need where
    read -r group machine limit < <("$bit" limits --kills)
    read -r group_before machine_before _ <<<"$kills_before"
    if [ "${group:-0}" -gt "${group_before:-0}" ]; then
        where="$((group - group_before)) process(es) of this control group"
    elif [ "${machine:-0}" -gt "${machine_before:-0}" ]; then
        where="$((machine - machine_before)) process(es) on this machine" limit=0
    else
        return
    fi
    [ -z "${BIT_KILLS:-}" ] || : >"$BIT_KILLS" # for the batch script of a Slurm job
    [ "${limit:-0}" = 0 ] || where+=", whose limit is $((limit / 1000000)) MB"
    need=$(timeout 60 "$bit" plan "$job" -n "$ranks" --json ${plan_options[@]+"${plan_options[@]}"} 2>/dev/null </dev/null)
    need=$(value "$need" total)
    say "out of memory: the kernel has killed $where.${need:+ A rank of this job needs about $((need / 1000000)) MB, $ranks of them\
 $((need * ranks / 1000000)) MB.} Ask for more memory, use fewer ranks a host, or a smaller micro_batch"
}

# One start of the command, to its end; the exit code is the run's.
attempt() {
    local code watcher='' ended=no watched=$out patience=${start_seconds:-1800} reminder early=30
    began=$(($(date +%s) - 1)) # the file system's clock lags a little
    kills_before=$("$bit" limits --kills)
    outcome_before=$("$bit" end "$out" --mark) job_before=$(mark "$out/job.json")
    [ $verbose = no ] || print_command "${command[@]}" >&2
    # In process groups of their own: Ctrl-C, and the end of the terminal, are for this script only.
    set -m
    "${command[@]}" </dev/null >&3 2>&4 3>&- 4>&- &
    pid=$!
    # A second evaluation beside another one has no heartbeats: it may begin as late as it likes.
    [ $evaluate = no ] || watched=$out/evaluating patience=0
    "$bit" watch "$watched" --launcher $pid --start-seconds "$patience" </dev/null >/dev/null 2>&4 3>&- 4>&- &
    watcher=$!
    set +m
    [ $asked = 0 ] || forward_stop # asked while it was being started
    while kill -0 "$pid" 2>/dev/null; do
        # What is sent before mpirun has begun all ranks is lost: it is sent again until the run ends. A wish that comes just before the wait
        # does not end the wait, so that there is a look every two seconds until the run has begun.
        reminder=''
        if [ $ended = no ] && { [ $asked != 0 ] || [ $early -gt 0 ]; }; then
            sleep 2 >/dev/null 2>&1 3>&- 4>&- &
            reminder=$!
        fi
        # shellcheck disable=SC2086
        wait -n $pid $watcher $reminder
        if [ -n "$reminder" ]; then
            if kill "$reminder" 2>/dev/null; then
                wait "$reminder" 2>/dev/null
            else
                early=$((early - 1))
                if [ $asked != 0 ]; then forward_stop; elif is_new; then early=0; fi
            fi
        fi
        if [ -n "$watcher" ] && ! kill -0 "$watcher" 2>/dev/null; then
            wait "$watcher"
            if [ $? = 76 ]; then ended=yes; end_run; fi
            watcher=''
        fi
    done
    wait "$pid"
    code=$?
    if [ -n "$watcher" ]; then
        kill "$watcher" 2>/dev/null
        wait "$watcher" 2>/dev/null
    fi
    [ $code = 0 ] || clean_up "$pid"
    [ $code = 0 ] || tell_kills
    pid=''
    judge $code $ended
}
