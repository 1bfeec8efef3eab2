# A random fault every 30 s (FAULT_SOAK_GAP) over a whole training job of 400 steps (FAULT_SOAK_STEPS): kills, signals, damage
# to the newest generation, changing numbers of ranks; memory and descriptors of the ranks stay flat.
# shellcheck shell=bash disable=SC2034,SC2154
soak_short=0 soak_long=25
soak_accepted='N1-N7, memory and descriptors flat'
soak_steps=${FAULT_SOAK_STEPS:-400} soak_gap=${FAULT_SOAK_GAP:-30}

soak_reference() {
    [ ! -f "$folder/soak-$soak_steps.hash" ] || return 0
    go 3600 4 --set schedule.steps="$soak_steps" && [ "$code" = 0 ] || fail "the uninterrupted run: exit code $code" || return
    starts[1]=0
    losses "$run" >"$folder/soak-$soak_steps.losses"
    awk '$1 == "commit" { print $3, $4, $5 }' "$notes" >"$folder/soak-$soak_steps.hashes"
    "$bit" ckpt hash "$run" | tr '\n' ' ' >"$folder/soak-$soak_steps.hash"
    check_flat || return
    rm -rf "$run" "$trial/ended-1" "$trial/said-1" "$trial/reads-1"
    invocation=0
    : >"$notes"
}

# Of each process: what it has at its last commits against its third, when it has begun to use everything.
check_flat() {
    local grown
    grown=$(awk '$1 == "rank" {
            n = ++seen[$3]
            if (n == 3) { kb[$3] = $4; files[$3] = $5 }
            if (n > 6) { more[$3] = $4 - kb[$3]; opened[$3] = $5 - files[$3] }
        }
        END { for (p in more) if (more[p] > 8192 || opened[p] > 2) print "process " p ": " more[p] " KB, " opened[p] " descriptors more" }' \
        "$notes" | head -n 1)
    [ -z "$grown" ] || fail "memory: $grown"
}

trial_soak() { # NUMBER
    local steps=$soak_steps faults=0 kind committed victim newest
    soak_reference || return
    while [ $faults -lt 100 ]; do
        committed=$(last_commit)
        draw $((soak_gap * 1000))
        local delay=$((drawn + soak_gap * 500))
        pick rank rank all mpirun term int usr1 every
        kind=$drawn
        draw 4
        case $kind in
            rank) victim=rank:$drawn ;;
            all) victim=all ;;
            mpirun) victim=mpirun:LAUNCHER orphaned=1 ;;
            every) victim=every:LAUNCHER ;;
            *) victim=mpirun:LAUNCHER ;;
        esac
        case $kind in
            term | every) fault=(start 0 "$delay" 15 "$victim") ;;
            int) fault=(start 0 "$delay" 2 "$victim") ;;
            usr1) fault=(commit 1 "$delay" 10 "$victim") ;;
            *) fault=(start 0 "$delay" 9 "$victim") ;;
        esac
        pick 4 4 2
        go 3600 "$drawn" --set schedule.steps="$steps" || return
        check_start "$committed" && check_state || return
        ! tail -n 50 "$notes" | grep -q '^fault' || faults=$((faults + 1))
        [ "$code" != 0 ] || break
        # Now and then the newest generation is damaged while nothing runs: the one before counts from then on.
        draw 4
        newest=$(generations "$run" | tail -n 1)
        if [ "$drawn" = 0 ] && [ "$(generations "$run" | wc -l)" -gt 1 ]; then
            pick shard manifest truncate missing
            damage "$newest" "$drawn"
            newest=$(generations "$run" | tail -n 2 | head -n 1)
            grep "^commit [0-9.]* $((10#${newest##*-})) " "$notes" | tail -n 1 >>"$notes"
            faults=$((faults + 1))
        fi
    done
    # N2: every commit has the hashes that this step has in the uninterrupted run.
    [ -z "$(awk 'NR == FNR { known[$1] = $2 " " $3; next } $1 == "commit" && ($3 in known) && known[$3] != $4 " " $5' \
        "$folder/soak-$steps.hashes" "$notes")" ] || fail 'N2: a commit has other hashes than the uninterrupted run' || return
    check_end "$folder/soak-$steps.losses" "$folder/soak-$steps.hash" && check_flat && check_left && check_ends || return
    echo "$faults faults" >>"$folder/soak.log"
}
