# NaN or infinity in one rank's gradient or loss, or a loss that jumps, with each policy: no rank applies the step unless the
# policy is to log a jump, and all do as the policy says.
# shellcheck shell=bash disable=SC2034,SC2154
gradients_short=10 gradients_long=20
gradients_accepted='no rank applies it, the policy is followed; rollback and stop: N1-N3'

# The step is not applied: the weights before the next one are those before it.
judge_skip() { # STEP
    local before after
    before=$(sed -n "s/^{\"kind\":\"step\",\"step\":$1,.*\"weight_norm\":\([^,]*\),.*\"applied\":false.*/\1/p" "$run/metrics.jsonl")
    after=$(sed -n "s/^{\"kind\":\"step\",\"step\":$(($1 + 1)),.*\"weight_norm\":\([^,]*\),.*/\1/p" "$run/metrics.jsonl")
    [ -n "$before" ] && [ "$before" = "$after" ] || fail "step $1 was applied: weight norm $before, then $after"
}

trial_gradients() { # NUMBER
    local kind rank phase=forward policy step what key=checks.nonfinite
    copy_run "$folder/base" "$run" || fail 'cannot copy the base run' || return
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    starts[1]=$base_step program=$tools/bitrun_points
    case $(($1 % 3)) in
        0) kind=nan ;;
        1) kind=jump:1e6 key=checks.loss_spike_policy ;;
        2) kind=inf ;;
    esac
    [ $kind = jump:1e6 ] || pick forward backward
    [ $kind = jump:1e6 ] || phase=$drawn
    draw 4
    rank=$drawn
    # A jump is judged from the ninth step on; a step comes behind the one that fails.
    draw 3
    step=$((base_step + 2 + drawn))
    pick log skip rollback stop
    policy=$drawn
    what="$kind in $phase on rank $rank after step $step, $policy"
    settings=("BIT_TEST_FAULT=$phase:$rank:$step=$kind")
    # --force: the policy is a part of the recipe.
    go 120 4 --force --set "$key=$policy" || fail "$what" || return
    check_state || fail "$what" || return
    case $policy:$kind in
        log:jump*)
            [ "$code" = 0 ] && grep -q "^{\"kind\":\"spike\",\"step\":$((step + 1))," "$run/metrics.jsonl" ||
                fail "$what: exit code $code, or no line about the jump" || return ;;
        log:* | skip:*)
            [ "$code" = 0 ] || fail "$what: exit code $code: $(tail -n 1 "$said")" || return
            judge_skip $((step + 1)) || fail "$what" || return ;;
        rollback:*)
            grep -q "not applied: step $((step + 1)):" "$said" || fail "$what: not found" || return
            check_standing && check_end || fail "$what" || return ;;
        stop:*)
            [ "$code" = 65 ] || fail "$what: exit code $code" || return
            check_standing || fail "$what" || return
            settings=()
            go 90 4 --force && check_end || fail "$what" || return ;;
    esac
    check_left && check_ends || fail "$what"
}
