# SIGKILL at each named point of the commit protocol, on each rank that passes it, by a bitrun with the points compiled in.
# shellcheck shell=bash disable=SC2034,SC2154
points_accepted='N1-N3'

# "POINT RANK" for all; those that only rank 0 passes once.
mapfile -t points_all < <(grep -o 'X([a-z_]*, [01])' "$top_srcdir/src/store/points.h" | tr -d 'X(),' |
    while read -r point everywhere; do
        for rank in 0 1 2 3; do
            if [ "$everywhere" = 1 ] || [ $rank = 0 ]; then echo "$point $rank"; fi
        done
    done)
points_long=${#points_all[@]} points_short=${#points_all[@]}

trial_points() { # NUMBER
    local point rank committed passed
    # In strides of a prime, so that a few trials see different parts of the protocol.
    read -r point rank <<<"${points_all[$1 * 31 % ${#points_all[@]}]}"
    copy_run "$folder/base" "$run" || fail "cannot copy the base run" || return
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    starts[1]=$base_step
    program=$tools/bitrun_points
    settings=("BIT_TEST_KILL_AT=$point:$rank")
    # The former generation of a step steps aside only where one stands that is not whole: it is put there while the run goes on.
    if [ "$point" = replacing ]; then
        start 4
        ( until grep -q 'resumed at' "$said"; do sleep 0.01; done
            mkdir -p "$(generation "$run" $((base_step + 3)))" && echo '{' >"$(generation "$run" $((base_step + 3)))/manifest.json" ) &
        finish 90 || return
    else
        go 90 4 --set checkpoint.keep=1 || return
    fi
    passed=$(grep -c ' signal 9 ' "$ended")
    [ "$code" != 0 ] && [ "$passed" -ge 1 ] || fail "the point $point was not passed on rank $rank: exit code $code" || return
    settings=() program=$bitrun
    check_state && check_standing || return
    committed=$(last_commit)
    [ "$committed" -ge "$base_step" ] || fail "N1: only step $committed is there" || return
    go 90 4 --set checkpoint.keep=3 || return
    check_start "$committed" && check_end && check_left && check_ends
}
