# Every generation is damaged: the run refuses to start afresh, again and again, with an exit code of its own.
# shellcheck shell=bash disable=SC2034,SC2154
allbad_short=5 allbad_long=5
allbad_accepted='refuses to start afresh, own exit code, nothing overwritten'
allbad_code=69

trial_allbad() { # NUMBER
    local g before after again
    copy_run "$folder/base" "$run" || fail "cannot copy the base run" || return
    for g in $(generations "$run"); do
        pick shard manifest truncate no-manifest missing
        damage "$g" "$drawn"
    done
    before=$(for g in $(generations "$run"); do fingerprint "$g"; done)
    for again in 1 2; do
        go 60 4 || return
        [ "$code" = $allbad_code ] || fail "start $again: exit code $code, expected $allbad_code" || return
        after=$(for g in $(generations "$run"); do fingerprint "$g"; done)
        [ "$before" = "$after" ] || fail "start $again: the damaged generations are not as they were, name and bytes" || return
        [ "$(state_of "$run")" = failed ] || fail "start $again: N5: the state is $(state_of "$run")" || return
    done
    check_left && check_ends
}
