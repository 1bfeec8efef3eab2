# A random fault every 30 s (FAULT_SOAK_GAP) over a whole training job of 400 steps (FAULT_SOAK_STEPS): kills, signals, damage
# to the newest generation, changing numbers of ranks; memory and descriptors of the ranks stay flat. Steps of the small
# network pause for 0.1 s (FAULT_SOAK_PAUSE). After 100 faults the run goes to its end undisturbed.
# shellcheck shell=bash disable=SC2034,SC2154
soak_short=0 soak_long=25
soak_accepted='N1-N7, memory and descriptors flat'
soak_steps=${FAULT_SOAK_STEPS:-400} soak_gap=${FAULT_SOAK_GAP:-30}
soak_set=(--set schedule.steps="$soak_steps" --set checkpoint.every_steps=$((soak_steps / 1000 + 3)))
soak_known=$folder/soak-$soak_steps

soak_reference() {
    [ ! -f "$soak_known.hash" ] || [ ! -s "$soak_known.hashes" ] || return 0
    go 3600 4 "${soak_set[@]}" && [ "$code" = 0 ] || fail "the uninterrupted run: exit code $code" || return
    starts[1]=0
    losses "$run" >"$soak_known.losses"
    awk '$1 == "commit" { print $3, $4, $5 }' "$notes" >"$soak_known.hashes"
    [ "$(wc -l <"$soak_known.hashes")" -ge $((soak_steps / (soak_steps / 1000 + 3))) ] || fail 'the ledger has not every commit' || return
    check_images "$soak_known.images" && check_flat || return
    [ -z "$preloaded" ] || mv "$trial/images" "$soak_known.images" || return
    "$bit" ckpt hash "$run" | tr '\n' ' ' >"$soak_known.hash"
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

# Draws the next fault into $fault; USR1 alone ends nothing: mpirun is killed later.
soak_draw() { # RANKS
    local kind
    draw $((soak_gap * 1000))
    local delay=$((drawn + soak_gap * 500))
    pick rank rank all mpirun term int usr1 every
    kind=$drawn
    draw "$1"
    case $kind in
        rank) fault=(start 0 "$delay" 9 rank:"$drawn") ;;
        all) fault=(start 0 "$delay" 9 all) ;;
        mpirun) orphaned=1 fault=(start 0 "$delay" 9 mpirun:LAUNCHER) ;;
        term) fault=(start 0 "$delay" 15 mpirun:LAUNCHER) ;;
        int) fault=(start 0 "$delay" 2 mpirun:LAUNCHER) ;;
        usr1) orphaned=1 fault=(commit 1 $((delay / 2)) 10 mpirun:LAUNCHER $((delay / 2)) 9) ;;
        every) fault=(start 0 "$delay" 15 every:LAUNCHER) ;;
    esac
}

trial_soak() { # NUMBER
    local steps=$soak_steps faults=0 ranks before committed newest length
    soak_reference || return
    take_time "${FAULT_SOAK_PAUSE:-0.1}"
    while :; do
        committed=$(last_commit)
        pick 4 4 2
        ranks=$drawn
        if [ $faults -lt 100 ]; then soak_draw "$ranks"; else program=$bitrun settings=(); fi
        before=$(grep -c '^fault' "$notes")
        go 7200 "$ranks" "${soak_set[@]}" || return
        if [ "$code" != 0 ] && [ "$committed" != 0 ] && ! grep -q 'resumed at step' "$said"; then
            starts[invocation]=$committed # the fault came before it had begun
        else
            check_start "$committed" || return
        fi
        check_state && check_standing "$soak_known.hashes" || return
        [ "$code" != 0 ] || break
        [ "$(grep -c '^fault' "$notes")" != "$before" ] && [ $invocation -lt 300 ] || fail "start $invocation ended by itself with $code" || return
        faults=$((faults + 1))
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
        "$soak_known.hashes" "$notes")" ] || fail 'N2: a commit has other hashes than the uninterrupted run' || return
    check_end "$soak_known.losses" "$soak_known.hash" && check_images "$soak_known.images" && check_flat && check_left && check_ends ||
        return
    echo "$faults faults" >>"$folder/soak.log"
}
