# Stopped after a few steps and gone on with other numbers of ranks: 4, 1, 2, 4.
# shellcheck shell=bash disable=SC2034,SC2154
resume_short=4 resume_long=20
resume_accepted='N1-N4'

trial_resume() { # NUMBER
    local ranks at=0
    for ranks in 4 1 2; do
        draw 4
        go 90 $ranks --steps-limit $((drawn + 1)) || return
        [ "$code" = 75 ] || fail "$ranks ranks: exit code $code" || return
        check_start $at || return
        at=$((at + drawn + 1))
        check_state && check_standing || return
        [ "$(last_commit)" = $at ] || fail "N1: stopped at step $at, committed is $(last_commit)" || return
    done
    go 90 4 || return
    check_start $at && check_end && check_images && check_state && check_left && check_ends
}
