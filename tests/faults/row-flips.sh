# Damage to the newest generation: bits, lengths, missing, swapped and foreign files. Refused before use; the run goes on
# from the generation before; the damaged one is kept aside as it was.
# shellcheck shell=bash disable=SC2034,SC2154
flips_short=100 flips_long=3000
flips_accepted='refused by checksum, same older generation on all ranks, bad one kept aside'

trial_flips() { # NUMBER
    local new before
    copy_run "$folder/base" "$run" || fail "cannot copy the base run" || return
    new=$(generation "$run" "$base_step")
    pick shard shard shard shard manifest manifest master truncate truncate cut-manifest grow zero missing no-manifest no-master swap \
        foreign older foreign-manifest folder
    damage "$new" "$drawn"
    before=$(fingerprint "$new")
    # A bit in a reserved place of a file is damage, too: nothing less than the very bytes passes.
    go 60 4 --steps-limit 1 --set evaluation.every_steps=0 || return
    [ "$code" = 75 ] || fail "$damage: exit code $code: $(grep -v '^-*$' "$said" | tail -n 1)" || return
    check_start 0 || fail "$damage" || return
    [ "${starts[1]}" = $((base_step - 3)) ] || fail "$damage: went on at step ${starts[1]}" || return
    [ -d "$new.bad" ] && [ "$(fingerprint "$new.bad")" = "$before" ] || fail "$damage: not kept aside as it was" || return
    [ "$("$bit" ckpt hash "$(generation "$run" $((base_step - 2)))" | tr '\n' ' ')" = "$(awk -v s=$((base_step - 2)) '$1 == s { printf "weights %s momentum %s ", $2, $3 }' "$folder/reference.hashes")" ] ||
        fail "$damage: N3: step $((base_step - 2)) has other bits" || return
    check_state && check_left && check_ends
}
