# A rank whose forward and backward passes take 1.5 or 10 times as long, or none: reported within 50 steps, and not ended. As many
# ranks as there are cores (2 to 4), for ranks that share cores are not equally fast.
# shellcheck shell=bash disable=SC2034,SC2154
slow_short=4 slow_long=10
slow_accepted='the slow rank is reported within 50 steps, no other; nothing is ended'

trial_slow() { # NUMBER
    local factor rank ranks named first
    ranks=$(nproc)
    [ "$ranks" -lt 4 ] && ranks=2 || ranks=4
    case $(($1 % 4)) in
        1 | 3) factor=1.5 ;;
        2) factor=10 ;;
        0) factor=1 ;;
    esac
    draw "$ranks"
    rank=$drawn program=$tools/bitrun_points
    settings=("BIT_TEST_FAULT=any:$rank=slow:$factor")
    go 240 "$ranks" --set schedule.steps=50 --set checkpoint.every_steps=0 --set evaluation.every_steps=0 || return
    [ "$code" = 0 ] || fail "rank $rank, $factor times: exit code $code" || return
    named=$(sed -n 's/^{"kind":"slow",.*"rank":\([0-9]*\),.*/\1/p' "$run/metrics.jsonl" | sort -u | tr '\n' ' ')
    [ "$factor" != 1 ] || rank=
    [ "$named" = "${rank:+$rank }" ] || fail "rank $rank, $factor times: reported is '$named'" || return
    check_state && check_left && check_ends
}
