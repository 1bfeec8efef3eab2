# What can happen to a job of Slurm, and how its end is judged (sourced by scenarios, after tests/faults/library.sh).
# shellcheck shell=bash disable=SC2034,SC2154
# A scenario has: $trial (its folder), $run (the run's), $notes (the ledger's), $pair (its two nodes), $starter, $job (the job's
# number), $log (the batch script's), $reason (why it failed).

steps=24 batch=8

prepare_runs() {
    mkdir -p "$folder/bin" || return
    ln -sf "$top_builddir/bit" "$folder/bin/bit"
    ln -sf "$top_builddir/tests/faults/bitrun_points" "$folder/bin/bitrun"
    cat >"$folder/job.json" <<END
{"name": "slurm", "model": {"depth": 14, "width": 1}, "threads": 1, "micro_batch": 4, "backend": "openblas", "seed": 7,
 "data": {"train": "$top_srcdir/data/digits/train", "val": "", "size": 16, "resize": 16},
 "schedule": {"steps": $steps, "batch": $batch, "warmup_steps": 2, "decay_steps": [12]},
 "checkpoint": {"every_steps": 6, "keep": 2}, "evaluation": {"every_epochs": 0, "at_end": false},
 "watchdog": {"step_seconds": 6, "data_seconds": 6, "checkpoint_seconds": 12, "start_seconds": 30}}
END
    export BIT_BIN=$folder/bin
    reference_run "$folder/job.json" -n 2 --no-bind --out "$folder/whole" >"$folder/whole.said" 2>&1 </dev/null ||
        { reason=$(tail -n 1 "$folder/whole.said"); return 1; }
    losses "$folder/whole" >"$folder/reference.losses"
    "$bit" ckpt hash "$folder/whole" | tr '\n' ' ' >"$folder/reference.hash"
}

prepare_scenario() {
    rm -rf "$trial"
    mkdir -p "$trial/tmp"
    run=$trial/run notes=$trial/notes said=$trial/said reason='' code=0 invocation=1 hung=0 ever_hung=0 orphaned=0 alone=0 preloaded='' invocations=()
    : >"$notes"
    "$tools/ledger" "$run" "$notes" "$tools/bitrun_points" &
    ledger=$!
    # Slow enough for something to happen to it, without work for the machine.
    faults=forward:all=pause:0.15 once=$trial/happened
}
end_scenario() {
    [ -z "${job:-}" ] || scancel "$job" 2>/dev/null
    kill "$ledger"
    wait "$ledger" 2>/dev/null
}

# submit ARGUMENT...: the job's number into $job
submit() {
    TMPDIR=$trial/tmp BIT_TEST_FAULT=$faults BIT_TEST_FAULT_ONCE=$once "$launch" "$folder/job.json" -n 2 --threads 1 --slurm --no-bind \
        --starter "$starter" --nodes=2 --nodelist="${pair[0]},${pair[1]}" --out "$run" "$@" >"$said" 2>&1 </dev/null
    job=$(sed -n 's/^Submitted batch job //p' "$said")
    log=$run/slurm-$job.log
    [ -n "$job" ] || fail "not submitted: $(tail -n 1 "$said")"
}

field() { scontrol -o show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
job_is() { [ "$(field "$job" JobState)" = "$1" ]; }
restarted() { [ "$(field "$job" Restarts)" -ge "$1" ] 2>/dev/null; }
committed() { [ "$(last_commit)" -ge "$1" ]; }
says() { grep -qs -e "$1" "$log"; }
# An end from which Slurm does not start it again.
is_over() { case $(field "$job" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | PREEMPTED | DEADLINE | OUT_OF_MEMORY) ;; *) false ;; esac; }

# within SECONDS WHAT COMMAND...
within() {
    local i limit=$(($1 * 4)) what=$2
    shift 2
    for ((i = 0; i < limit; i++)); do
        "$@" && return
        sleep 0.25
        # Of a job that is over nothing more is to be expected.
        if [ $((i % 8)) = 7 ] && is_over; then
            "$@" && return
            break
        fi
    done
    fail "waited in vain for: $what ($(field "$job" JobState), step $(last_commit), $(tail -n 1 "$log" 2>/dev/null))"
}
# A moment of its own in each trial, within a second after the first checkpoint.
some_time_later() {
    within 60 'the first checkpoint' committed 6 || return
    draw 1000
    sleep "$(printf '0.%03d' "$drawn")"
}

# ---- how it must end ----

# ends STARTS: after so many starts by Slurm it is finished, and nothing was lost. N1: no step is committed twice.
ends() {
    within 150 'the end' is_over || return
    job_is COMPLETED || fail "N5: the job is $(field "$job" JobState), $(tail -n 1 "$log")" || return
    [ "$(grep -c 'bit: job .* start' "$log")" = "$1" ] || fail "$(grep -c 'bit: job .* start' "$log") starts instead of $1" || return
    finished
}
finished() {
    sleep 0.1
    awk '$1 == "commit" { if ($3 <= last) exit 1; last = $3 }' "$notes" || fail 'N1: a step was committed twice' || return
    awk -v batch=$batch '$1 == "commit" && $6 != $3 * batch { exit 1 }' "$notes" || fail 'N2: images are not steps x batch' || return
    check_end && check_state && check_left || return
    ! processes >/dev/null || fail "N6: processes are left: $(processes | tr '\n' ' ')" || return
    [ -z "$(find /dev/shm -name "*_segment.${pair[0]}.*" -o -name "*_segment.${pair[1]}.*")" ] || fail 'N6: shared memory is left' || return
    [ -z "$(find "$run" -name '*.idle')" ] || fail 'N6: an .idle file is left' || return
    # By a signal of its own; mpirun is not ours.
    ! sed -n 's/^\[[^:]*:\([0-9]*\)\] Signal: \(.*\)/\1 \2/p' "$run"/slurm-*.log | while read -r pid signal; do
        ! grep -q "^rank [0-9.]* $pid " "$notes" || echo "$pid: $signal"
    done | grep . >"$trial/died" || fail "N7: $(head -n 1 "$trial/died")" || return
    ! grep -hE 'task [0-9,-]*: (Segmentation|Bus|Floating|Aborted)|Assertion .* failed|double free' "$run"/slurm-*.log >"$trial/died" ||
        fail "N7: $(head -n 1 "$trial/died")"
}

# ---- what happens ----

# It goes to its end; USR1 is a wish for a checkpoint. A job that cannot run is not submitted.
happens_progress() {
    ! submit --set schedule.batch=6 && grep -q batch "$said" && reason='' || fail 'a job that cannot run was submitted' || return
    submit --time=30 || return
    some_time_later || return
    job_is RUNNING && scancel -b -s USR1 "$job"
    ends 1
}

# Cancelled: not queued again, saved before; the same command goes on.
happens_cancel() {
    local before
    submit --time=30 && some_time_later || return
    scancel "$job"
    within 40 'CANCELLED' job_is CANCELLED || return
    [ "$(grep -c 'bit: job .* start' "$log")" = 1 ] || fail 'started again' || return
    if [ "$starter" = srun ]; then
        [ "$(state_of "$run")" = stopped ] || fail "N5: it is $(state_of "$run")" || return
    fi
    within 10 'the end of its processes' eval '! processes >/dev/null' || return
    submit --time=30 && ends 1
}

# The signal before the time limit, which comes on the half minute at best: here it is sent, and the limit brought near.
happens_limit() {
    submit --time=30 && some_time_later || return
    scontrol update jobid="$job" timelimit=2
    scancel -b -s USR1 "$job"
    within 60 'the second start' restarted 1 && scontrol update jobid="$job" timelimit=30
    ends 2
}

# A training longer than its time limit, by Slurm's own signals.
happens_chain() {
    faults=forward:all=pause:3
    submit --time=1 --lead=50 --set watchdog.step_seconds=30 || return
    within 400 'the end' is_over || return
    [ "$(grep -c 'bit: job .* start' "$log")" -ge 3 ] || fail "only $(grep -c 'bit: job .* start' "$log") starts" || return
    ends "$(grep -c 'bit: job .* start' "$log")"
}

preempted() { # PARTITION
    submit --time=30 --partition="$1" && some_time_later || return
    sbatch -p urgent --nodes=2 --nodelist="${pair[0]},${pair[1]}" --exclusive -o /dev/null --wrap 'sleep 1' >/dev/null || fail 'the urgent job was not submitted' || return
    ends 2
}
happens_preempt() { preempted main; }
happens_grace() { preempted graced; }

# TERM within a grace time, at any moment of the start.
happens_early() {
    submit --time=30 --partition=graced || return
    within 30 'the start' job_is RUNNING || return
    draw 1500
    sleep "$(printf '%d.%03d' $((drawn / 1000)) $((drawn % 1000)))"
    scancel -b -s TERM "$job"
    ends 2
}

# Exit code 75 without a signal.
happens_again() {
    submit --time=30 --steps-limit=10 && ends 3
}

# Every rank is stopped: seen from outside, ended though TERM does not reach it, exit code 76, and again.
happens_hang() {
    pick stop loop
    faults=$faults,forward:all:8=$drawn
    submit --time=30 || return
    within 60 'exit code 76' says 'exit code 76' || return
    [ "$(value "$run/outcome.json" reason)" = '"late"' ] || fail "N7: the reason is $(value "$run/outcome.json" reason)" || return
    within 20 'the end of the hung ranks' eval '! processes >/dev/null || says "start 2"' || return
    ends 2
}

# The program does not even begin.
happens_nobody() {
    cat >"$trial/sleeper" <<'END'
#!/bin/bash
mkdir "$SLEEPER" 2>/dev/null && kill -STOP $$
exec "$@"
END
    chmod +x "$trial/sleeper"
    SLEEPER=$trial/slept submit --time=30 --mpirun-option "$trial/sleeper" --set watchdog.start_seconds=6 || return
    within 60 'exit code 76' says 'exit code 76' || return
    says 'no rank has begun' || fail 'nobody said that no rank has begun' || return
    ends 2
}

# A node dies: the second one, or the one of the batch script.
node_dies() { # NODE
    submit --time=30 && some_time_later || return
    "$lab" crash "$folder/lab" "$1"
    rm -rf "$trial/tmp"/* # of the lost node
    within 60 'the loss being seen' eval '! job_is RUNNING' || { "$lab" boot "$folder/lab" "$1"; return 1; }
    "$lab" boot "$folder/lab" "$1"
    ends 2
}
happens_node() { node_dies "${pair[1]}"; }
happens_head() { node_dies "${pair[0]}"; }

# A rank is killed at some moment of a checkpoint.
happens_kill() {
    draw 300
    kill "$ledger"
    "$tools/ledger" "$run" "$notes" "$tools/bitrun_points" begin 2 "$drawn" 9 rank:$((drawn % 2)) &
    ledger=$!
    submit --time=30 && ends 2
}

# The first task of an array is cancelled, and stays so though the last one, whose number is the array's, is queued again. --fresh
# is for the first that begins.
happens_array() {
    local first
    submit --time=30 --array=1-2%1 --steps-limit=10 --fresh && some_time_later || return
    first=$(scontrol -o show job "$job" | sed -n 's/^JobId=\([0-9]*\) .* ArrayTaskId=1 .*/\1/p')
    scancel "${job}_1"
    within 150 'the end' is_over || return
    [ "$(field "$first" JobState)" = CANCELLED ] || fail "the first task is $(field "$first" JobState)" || return
    [ "$(grep -c 'bit: job .* start' "$log")" -ge 2 ] || fail 'the second task was not queued again' || return
    job_is COMPLETED || fail "N5: the job is $(field "$job" JobState), $(tail -n 1 "$log")" || return
    finished
}

# Array and dependency are passed on: the tasks of an array one after the other, and a job that waits for them, though the
# first is queued again in between.
happens_options() {
    local array after
    submit --time=30 --array=1-2%1 --steps-limit=16 || return
    array=$job
    submit --time=30 --dependency=afterok:"$array" || return
    after=$job
    within 30 'the first task' committed 6 || return
    [ "$(field "$after" JobState)" = PENDING ] && [ "$(field "$after" Reason)" = Dependency ] || fail 'the second job does not wait' || return
    within 150 'the end' is_over || return
    [ "$(field "$after" JobState)" = COMPLETED ] || fail "the second job is $(field "$after" JobState)" || return
    [ "$(scontrol -o show job "$array" | grep -c 'JobState=COMPLETED')" = 2 ] || fail 'the array is not completed' || return
    [ "$(cat "$run"/slurm-*.log | grep -c 'bit: job .* start')" = 4 ] || fail 'not four starts' || return
    [ "$(cat "$run"/slurm-*.log | grep -c 'nothing left to do')" = 2 ] || fail 'a later job found something to do' || return
    finished
}

# A node dies, and the allocation stays: it goes on with the ranks that are left.
happens_elastic() {
    submit --time=30 --no-kill -n 1-2 && some_time_later || return
    "$lab" crash "$folder/lab" "${pair[1]}"
    rm -rf "$trial/tmp/ompi.${pair[1]}."* "$trial/tmp/"prte*."${pair[1]}."* # of the lost node
    within 90 'going on' says 'going on with 1 rank' || { "$lab" boot "$folder/lab" "${pair[1]}"; return 1; }
    ends 1
    code=$?
    "$lab" boot "$folder/lab" "${pair[1]}"
    return $code
}

# A crash loop ends.
happens_loop() {
    faults=$faults,forward:0:8=kill once=''
    submit --time=30 --restarts=1 || return
    within 200 'the end' is_over || return
    job_is FAILED || fail "the job is $(field "$job" JobState)" || return
    [ "$(state_of "$run")" = failed ] || fail "N5: it is $(state_of "$run")"
}

# The controller dies while the run works, and is not there when it wants to be queued again.
happens_controller() {
    submit --time=30 --steps-limit=12 && some_time_later || return
    "$lab" kill-controller "$folder/lab"
    within 60 'the stop' says 'exit code 75' || { "$lab" start-controller "$folder/lab"; return 1; }
    sleep 3
    "$lab" start-controller "$folder/lab"
    ends 2
}
