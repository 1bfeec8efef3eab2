# bit-launch: starting again after a loss, with a budget and a back-off, on the hosts that are left (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

newest_step() {
    find "$out/checkpoints" -maxdepth 1 -name 'step-*' ! -name '*.*' -printf '%f\n' 2>/dev/null | sort | tail -n 1
}

# The nodes of the allocation on which a step can be started, all tried at once, into $node_list. Slurm itself learns of a lost node
# only after its SlurmdTimeout.
probe_nodes() {
    local node i count=0 all tries=()
    readarray -t all < <(scontrol show hostnames "${SLURM_JOB_NODELIST:-}")
    for node in "${all[@]}"; do
        timeout -k 5 20 srun --mpi=none --overlap --nodes=1 --ntasks=1 --nodelist="$node" --immediate=10 true >/dev/null 2>&1 </dev/null \
            3>&- 4>&- &
        tries+=($!)
    done
    node_list=''
    for i in "${!all[@]}"; do
        while kill -0 "${tries[i]}" 2>/dev/null; do wait "${tries[i]}"; done # a signal ends a wait
        if wait "${tries[i]}"; then
            node_list=${node_list:+$node_list,}${all[i]} count=$((count + 1))
        else
            say "node ${all[i]} does not answer: left out"
        fi
    done
    node_count=$count
    room=$((count * ((most + SLURM_JOB_NUM_NODES - 1) / SLURM_JOB_NUM_NODES)))
}

# Whether a host starts a process within 20 seconds. The ssh to one that is gone would outlive its mpirun: it is ended, too.
answers() { # HOST COMMAND...
    local host=$1 pid i
    shift
    "$@" "$host:1" -n 1 true >/dev/null 2>&1 </dev/null 3>&- 4>&- &
    pid=$!
    for ((i = 0; i < 200; i++)); do
        if ! kill -0 $pid 2>/dev/null; then
            wait $pid
            return
        fi
        sleep 0.1
    done
    # shellcheck disable=SC2046
    kill -KILL $(all_below $pid) $pid 2>/dev/null
    return 1
}

# How many ranks the hosts that answer have room for, into $room; hosts that do not are left out of the next start.
probe_hosts() {
    local i all tries=() alive='' try=("${mpirun:-srun}" ${mpi_options[@]+"${mpi_options[@]}"})
    room=$most
    if [ -z "$first_hosts" ] && [ -n "${SLURM_JOB_ID:-}" ] && [ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ]; then
        probe_nodes
        return
    fi
    [ -n "$first_hosts" ] && [ "$kind" != srun ] || return 0
    IFS=, read -r -a all <<<"$first_hosts"
    room=0
    if [ "$kind" = openmpi ] && [ "$(id -u)" = 0 ]; then try+=(--allow-run-as-root); fi
    if [ "$kind" = mpich ]; then try+=(-hosts); else try+=(--host); fi
    for i in "${!all[@]}"; do
        answers "${all[i]%%:*}" "${try[@]}" &
        tries[i]=$!
    done
    for i in "${!all[@]}"; do
        while kill -0 "${tries[i]}" 2>/dev/null; do wait "${tries[i]}"; done
        if wait "${tries[i]}"; then
            alive=${alive:+$alive,}${all[i]}
            case ${all[i]} in *:*) room=$((room + ${all[i]#*:})) ;; *) room=$most ;; esac
        else
            say "host ${all[i]%%:*} does not answer: left out"
        fi
    done
    hosts=$alive
}

# The ranks of the next start, at most LIMIT: the most that share the batch evenly; while that is possible a power of two
# when the largest number is one, which keeps the bits.
choose_ranks() { # LIMIT
    local n power=no
    [ $((most & (most - 1))) != 0 ] || power=yes
    for power in $power no; do
        for ((n = $1; n >= least; n--)); do
            if [ "$power" = yes ] && [ $((n & (n - 1))) != 0 ]; then continue; fi
            if [ $((batch % (n * micro_batch))) = 0 ]; then
                ranks=$n
                return 0
            fi
        done
    done
    return 1
}

# One restart less in the budget; 1: there was none left.
spend_restart() {
    if [ "$left" = 0 ]; then
        say "$restarts restart(s) without a new checkpoint: given up"
        return 1
    fi
    left=$((left - 1))
}

# The back-off; a signal ends it early. The sleep holds no output open.
pause() {
    local nap
    sleep "$wait" >/dev/null 2>&1 3>&- 4>&- &
    nap=$!
    wait $nap
    kill $nap 2>/dev/null
    wait $nap 2>/dev/null
    wait=$((wait * 2 > 60 ? 60 : wait * 2))
}

# The ranks of the next start, by the hosts that answer; while there is no room it is looked for again. 1: not to be had.
find_room() {
    while :; do
        pause
        [ $asked = 0 ] || return 1
        probe_hosts
        [ "$room" -le "$most" ] || room=$most
        [ "$limit" -le "$room" ] || limit=$room
        if choose_ranks "$limit" || choose_ranks "$room"; then return 0; fi
        say "the hosts that are left have room for $room rank(s), and no number from $least shares a batch of $batch"
        spend_restart || return 1
        say "looking again in $wait s ($left more without a new checkpoint)"
    done
}

# Whether another process holds the run's folder, on whatever host.
is_held() { [ "$("$bit" end "$out" --held)" = yes ]; }

# Another run has the folder; or ranks of a former start live on, on a host that was cut off, until their own watchdog ends them. That is
# nobody's failure, and costs no restart: a quarter of an hour for as long as no checkpoint of our own comes. 1: it did not help.
waited=0 # times three seconds
wait_for_folder() {
    say "another run holds $out: waiting until it is gone, at most 15 minutes"
    while [ $asked = 0 ] && is_held; do
        [ $waited -lt 300 ] || return 1
        waited=$((waited + 1)) wait=3
        pause
    done
    wait=1
    [ $asked = 0 ]
}

# Starts the run until it is done, is asked to stop or fails for good. A new checkpoint refills the budget of restarts.
supervise() {
    local code left=$restarts wait=1 limit=$most before best=''
    while :; do
        before=$(newest_step)
        if [[ $before > $best ]]; then best=$before; fi
        [ $asked = 0 ] || return 75
        attempt
        code=$?
        case $action$code in again* | later74) ;; *) return $code ;; esac
        if [ $asked != 0 ] || [ "$restarts" = 0 ]; then return $code; fi
        if [ "$action" = later ]; then
            if ! wait_for_folder; then
                [ $asked = 0 ] || return 75
                return $code
            fi
            if [ "$(mark "$out/job.json")" = "$job_before" ]; then
                build_command
                continue
            fi
        fi
        # --fresh counts until the new run is there, --force until it has a checkpoint of its own.
        # From then on the job is what it was, also when its file is edited meanwhile.
        if [ "$(mark "$out/job.json")" != "$job_before" ]; then
            [ $fresh = no ] || best=''
            fresh=no
            if [ -e "$out/job.json" ]; then job=$out/job.json; fi
        fi
        # Not a generation that takes the place of a damaged one.
        if [[ $(newest_step) > $best ]]; then
            force=no left=$restarts wait=1 waited=0
        else
            spend_restart || return $code
            # Nothing was achieved with so many: fewer need less memory.
            if [ "$left" -lt $((restarts / 2)) ] && [ "$ranks" -gt "$least" ]; then limit=$((ranks - 1)); fi
        fi
        say "starting again in $wait s (exit code $code; $left more without a new checkpoint)"
        if ! find_room; then
            [ $asked = 0 ] || return 75
            return $code
        fi
        limit=$most crowded=no bind=$first_bind host_list=''
        share_cores
        build_command
        say "going on with $ranks rank(s)"
    done
}

run_command() {
    local code drains=() signal
    exec 3>&1 4>&2
    if [ -p /dev/stdout ]; then exec 3> >(drain); drains+=($!); fi
    if [ -p /dev/stderr ]; then exec 4> >(drain >&2); drains+=($!); fi
    pid='' # a signal may come before the command has started
    catch forward_save USR1
    for signal in INT TERM HUP USR2; do
        catch "ask_to_stop $signal" $signal
    done
    supervise
    code=$?
    exec 3>&- 4>&-
    [ ${#drains[@]} = 0 ] || wait "${drains[@]}"
    return $code
}
