# The run's folder is a small file system that fills up while a generation is written, at 60 sizes. Needs root.
# shellcheck shell=bash disable=SC2034,SC2154
space_short=20 space_long=60
space_accepted='former generation bit-identical, ranks agree, goes on or stops typed, no crash'

trial_space() { # NUMBER
    local before codes used size each committed
    [ "$alone" = 1 ] || { reason='needs root'; return 77; }
    mkdir -p "$run" && mount -t tmpfs none "$run" || { reason='nothing can be mounted'; return 77; }
    cp -a "$folder/base/." "$run/" && rm -rf "$(generation "$run" $((base_step - 3)))"
    echo "commit 0 $(cat "$folder/base.commit")" >"$notes"
    before=$(fingerprint "$(generation "$run" $base_step)")
    used=$(df -k --output=used "$run" | tail -n 1)
    # Two generations are still to come; in strides of a prime over all sizes.
    each=$(du -sk "$(generation "$run" $base_step)" | cut -f 1)
    size=$((used + ($1 * 37 % 60) * each / 29 + 8))
    mount -o "remount,size=${size}k" "$run" || fail 'cannot set the size' || return
    go 90 4 || return
    ends_typed "$size kB" 'No space left on device' || return
    [ "$(fingerprint "$(generation "$run" $base_step)")" = "$before" ] || fail "$size kB: the former generation has changed" || return
    check_state && check_standing || return
    committed=$(last_commit)
    starts[1]=$base_step
    mount -o remount,size=500m "$run"
    go 90 4 || return
    check_start "$committed" && check_end && check_left && check_ends
}
