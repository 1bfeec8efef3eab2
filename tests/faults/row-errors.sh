# The n-th read, write, fsync, rename, open, mkdir or unlink in the run's folder fails, once or from then on, on one rank.
# shellcheck shell=bash disable=SC2034,SC2154
errors_short=20 errors_long=300
errors_accepted='former generation bit-identical, ranks agree, goes on or stops typed, no crash'

trial_errors() { # NUMBER
    local call rank from count errno before committed codes what
    [ -n "$preloaded" ] || { reason='a sanitizer does not let anything be preloaded'; return 77; }
    copy_run "$folder/base" "$run" || fail "cannot copy the base run" || return
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    before=$(fingerprint "$(generation "$run" $base_step)")
    pick read read write write write fsync fsync rename rename open mkdir unlink
    call=$drawn
    draw 8
    rank=$((drawn > 3 ? 0 : drawn))
    # Other ranks than 0 read and write their part of a checkpoint, and little else.
    case $call:$rank in
        read:0 | write:0) draw 60 ;;
        read:* | write:*) draw 16 ;;
        fsync:0 | rename:* | open:0) draw 10; [ "$call" != rename ] || rank=0 ;;
        fsync:* | open:*) draw 4 ;;
        *) draw 4; rank=0 ;;
    esac
    from=$((drawn + 1))
    pick 1 1 2 0
    count=$drawn
    pick 5 5 28 122 # EIO, ENOSPC, EDQUOT
    errno=$drawn
    what="$call $from (x $count) on rank $rank fails with $errno"
    settings=("FAULT_CALL=$call:$rank" "FAULT_FROM=$from" "FAULT_COUNT=$count" "FAULT_ERRNO=$errno" "FAULT_PATHS=$run/"
        "FAULT_NOTE=$trial/failed")
    go 90 4 || return
    ends_typed "$what" '^bitrun: ' || return
    [ ! -d "$(generation "$run" $base_step)" ] || [ "$(fingerprint "$(generation "$run" $base_step)")" = "$before" ] ||
        fail "$what: the former generation has changed" || return
    check_state || return
    # What failed may have been the outcome itself; and who has not got the lock does not write one.
    [ "$codes" = "exit 0" ] || grep -qE '/outcome\.json|/run/lock$' "$trial/failed" || [ "$(value "$run/outcome.json" exit_code)" = 74 ] ||
        fail "$what: N5: exit code 74, the outcome says $(value "$run/outcome.json" exit_code)" || return
    check_standing || return
    # There may be fewer such calls than the chosen one's number.
    [ -s "$trial/failed" ] || { reason="$what: never came to pass"; return 77; }
    committed=$(last_commit)
    starts[1]=$base_step settings=()
    go 90 4 || return
    check_start "$committed" && check_end && check_left && check_ends
}
