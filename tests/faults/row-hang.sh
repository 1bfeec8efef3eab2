# A rank is stopped (SIGSTOP), loops or blocks in a read, in each phase that the watchdog knows.
# shellcheck shell=bash disable=SC2034,SC2154
hang_short=12 hang_long=60
hang_accepted='found within the limit + 5 s, rank and phase named, ends typed and resumes'
hang_phases=(index resume data forward backward reduce agree update gather snapshot write commit evaluate)

trial_hang() { # NUMBER
    local phase rank what late committed limit=6
    phase=${hang_phases[$1 * 5 % ${#hang_phases[@]}]}
    draw 4
    rank=$drawn
    pick stop loop read
    what="$drawn in $phase on rank $rank"
    copy_run "$folder/base" "$run" || fail 'cannot copy the base run' || return
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    starts[1]=$base_step program=$tools/bitrun_points
    # The index is read before any step is known.
    case $phase in index | resume) late=0 ;; *) late=$((base_step + 1)) ;; esac
    settings=("BIT_TEST_FAULT=$phase:$rank:$late=$drawn")
    go 120 4 --set watchdog.start_seconds=$limit --set watchdog.data_seconds=$limit --set watchdog.step_seconds=$limit \
        --set watchdog.checkpoint_seconds=$limit || fail "$what" || return
    # mpirun may take its own code for that of a rank which it had to kill: the outcome counts.
    [ "$(value "$run/outcome.json" exit_code)" = 76 ] || fail "$what: exit code $code, the outcome says $(value "$run/outcome.json" exit_code)" || return
    [ "$(value "$run/outcome.json" late_rank)" = $rank ] && [ "$(value "$run/outcome.json" late_phase)" = "\"$phase\"" ] ||
        fail "$what: named is rank $(value "$run/outcome.json" late_rank) in $(value "$run/outcome.json" late_phase)" || return
    late=$(value "$run/outcome.json" late_seconds)
    [ "${late%%.*}" -lt $((limit + 5)) ] || fail "$what: found after $late s" || return
    check_state && check_standing || return
    committed=$(last_commit) settings=() program=$bitrun
    go 90 4 || return
    check_start "$committed" && check_end && check_left && check_ends || fail "$what"
}
