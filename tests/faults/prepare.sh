# What all trials start from: the job, the uninterrupted run with the hashes of every step, a base run stopped in the middle,
# and a foreign one with another seed (sourced by campaign).
# shellcheck shell=bash disable=SC2034,SC2154

base_step=6

make_images() {
    local part class file n
    for part in train val; do
        for class in 0 1 2 3 4 5 6 7 8 9; do
            mkdir -p "$folder/data/$part/$class" || return
            n=0
            for file in "$top_srcdir/data/digits/$part/$class"/*.jpg; do
                [ $n -lt 7 ] || break
                cp "$file" "$folder/data/$part/$class/" || return
                n=$((n + 1))
            done
        done
    done
}

# One loader: the order in which a rank opens its images is the order in which it trains on them.
make_job() {
    cat >"$folder/job.json" <<END
{
  "name": "faults",
  "model": {"depth": ${FAULT_DEPTH:-14}, "width": 1},
  "data": {"train": "$folder/data/train", "val": "$folder/data/val", "size": 16, "resize": 16, "mirror": false, "loaders": 1},
  "schedule": {"steps": $steps, "batch": $batch, "base_rate": 0.1, "warmup_steps": 2, "decay_steps": [6]},
  "micro_batch": $micro, "threads": 1, "backend": "openblas", "seed": 7,
  "checkpoint": {"every_steps": 3, "keep": 3},
  "evaluation": {"every_steps": 4, "every_epochs": 0}
}
END
}

# The uninterrupted run, with a generation at each step for its hashes; then as trials run it, for the time it takes.
make_reference() {
    local began step
    prepare_trial prepare reference
    go 120 4 --set checkpoint.every_steps=1 --set checkpoint.keep=1000 || return
    [ "$code" = 0 ] || fail "exit code $code: $(tail -n 1 "$said")" || return
    starts[1]=0
    awk '$1 == "commit" { print $3, $4, $5 }' "$notes" >"$folder/reference.hashes"
    [ "$(wc -l <"$folder/reference.hashes")" = $steps ] || fail "the ledger has not every commit of the reference" || return
    # What the ledger read from manifests is what the files hold.
    for step in 1 $steps; do
        [ "$("$bit" ckpt hash "$(generation "$run" $step)" | awk '{ print $2 }' | tr '\n' ' ')" = \
            "$(awk -v s=$step '$1 == s { print $2, $3 " " }' "$folder/reference.hashes")" ] || fail "the ledger notes other hashes than bit ckpt" || return
    done
    losses "$run" >"$folder/reference.losses"
    "$bit" ckpt hash "$run" | tr '\n' ' ' >"$folder/reference.hash"
    check_images || return
    [ -z "$preloaded" ] || mv "$trial/images" "$folder/reference.images"
    rm -rf "$run"
    seconds_now
    began=$now
    go 120 4 && check_end && check_left && check_ends || return
    seconds_now
    echo "reference_ms=$((now - began))" >"$folder/times"
    # From the ledger: how long a save takes.
    awk '$1 == "begin" { b = $2 } $1 == "commit" && b { s += $2 - b; n++; b = 0 } END { printf "save_ms=%d\n", 1000 * s / n + 1 }' \
        "$notes" >>"$folder/times"
    clear_trial
}

make_base() { # NAME ARGUMENT...
    local name=$1
    shift
    prepare_trial prepare "$name"
    go 120 4 --steps-limit $base_step "$@" && [ "$code" = 75 ] || fail "cannot make $name: $(tail -n 1 "$said")" || return
    rm -rf "${folder:?}/$name"
    cp -a "$run" "$folder/$name"
    awk '$1 == "commit" { $1 = $2 = ""; print }' "$notes" | tail -n 1 | xargs >"$folder/$name.commit"
    clear_trial
}

clear_trial() {
    umount "$run" 2>/dev/null
    rm -rf "$trial"
}

prepare() {
    preloaded=
    # A sanitizer wants to be loaded first.
    if [ -f "$tools/preload.so" ] && ! ldd "$bitrun" | grep -qE 'lib[a-z]*san'; then preloaded=$tools/preload.so; fi
    # Another build may have other bits: then these runs are made anew.
    if [ "$(cat "$folder/prepared" 2>/dev/null)" != "$(cksum <"$bitrun")" ]; then
        rm -rf "$folder/data" "$folder"/soak-* "$folder"/reference*
        rm -rf "${folder:?}"/base* "$folder"/foreign*
        { make_images && make_job && make_reference; } ||
            { echo "campaign: the runs without faults failed: $reason" >&2; return 1; }
        cksum <"$bitrun" >"$folder/prepared"
    fi
    if [ ! -e "$folder/foreign.commit" ] && [ "${rows[*]}" != hosts ]; then # that row needs none
        make_base base && make_base foreign --set seed=8 ||
            { echo "campaign: the runs without faults failed: $reason" >&2; return 1; }
    fi
    # shellcheck disable=SC1091
    . "$folder/times"
    prepare_trial none 0
    clear_trial
}
