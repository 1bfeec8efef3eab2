# One bit of a rank's weights, of its share of the momentum or of the summed gradient flips while the run is in some phase.
# shellcheck shell=bash disable=SC2034,SC2154
memory_short=20 memory_long=100
memory_accepted='weights, momentum: no commit with it, rank named, N1-N3; gradients: replicas alike, 0 or 65'

trial_memory() { # NUMBER
    local kind rank phase step what seen
    copy_run "$folder/base" "$run" || fail 'cannot copy the base run' || return
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    starts[1]=$base_step program=$tools/bitrun_points
    pick weight weight weight momentum momentum gradient
    kind=$drawn
    draw 4
    rank=$drawn
    draw $((steps - base_step))
    step=$((base_step + drawn))
    pick data forward backward reduce update gather evaluate snapshot
    phase=$drawn
    [ $kind != gradient ] || phase=agree
    draw 1000000
    settings=("BIT_TEST_FAULT=$phase:$rank:$step=flip-$kind:$drawn")
    what="${settings[0]}"
    go 120 4 || fail "$what" || return
    grep -q '^BIT_TEST_FAULT: bit ' "$said" || fail "$what: nothing was flipped" || return
    if [ $kind = gradient ]; then
        # Before the reduction and behind it a gradient is what it is: the replicas stay alike, only numbers that are not finite show.
        [ "$code" = 0 ] || [ "$code" = 65 ] || fail "$what: exit code $code" || return
        check_state && check_left && check_ends || fail "$what"
        return
    fi
    seen=$(grep -o 'not applied: .*' "$said")
    case $seen in
        *"rank $rank (host"*) ;;
        # What another rank owns is written anew by the gathering of the weights: a bit that flips just before does nothing.
        '') [ $kind = weight ] && { [ $phase = update ] || [ $phase = gather ]; } || fail "$what: not found" || return ;;
        *) fail "$what: $seen" || return ;;
    esac
    awk 'NR == FNR { known[$1] = $0; next } $1 == "commit" && known[$3] != $3 " " $4 " " $5 { print "step " $3 }' "$folder/reference.hashes" \
        "$notes" >"$trial/wrong"
    [ ! -s "$trial/wrong" ] || fail "$what: committed with other bits: $(cat "$trial/wrong")" || return
    check_state && check_standing && check_end && check_left && check_ends || fail "$what"
}
