# Damage to checkpoints, for the rows that need it (sourced by campaign).
# shellcheck shell=bash disable=SC2034,SC2154

# A folder's files with their contents.
fingerprint() { (cd "$1" && find . -type f -exec md5sum {} + | sort); }

# Each says what it did in $damage.
flip_bit() { # FILE
    local size at byte
    size=$(stat -c %s "$1")
    [ "$size" -gt 0 ] || return 0 # nothing to flip
    draw "$size"
    at=$drawn
    # Every third one near the start, where HDF5 keeps what describes the rest.
    draw 3
    [ "$drawn" != 0 ] || { draw $((size < 4096 ? size : 4096)); at=$drawn; }
    draw 8
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %o $((byte ^ (1 << drawn))))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
    damage="bit $drawn of byte $at of ${1##*/}"
}
own_file() { cp -p "$1" "$1.own" && mv "$1.own" "$1"; } # not the base's any more
damage() { # GENERATION KIND
    local shard other size shards
    mapfile -t shards < <(find "$1" -name 'shard-*' | sort)
    draw ${#shards[@]}
    shard=${shards[drawn]} other=${shards[(drawn + 1) % ${#shards[@]}]}
    damage="$2 of ${shard##*/}"
    case $2 in
        shard) own_file "$shard"; flip_bit "$shard" ;;
        manifest) flip_bit "$1/manifest.json" ;;
        master) own_file "$1/model.h5"; flip_bit "$1/model.h5" ;;
        truncate) own_file "$shard"; size=$(stat -c %s "$shard"); draw "$size"; truncate -s "$drawn" "$shard" ;;
        cut-manifest) size=$(stat -c %s "$1/manifest.json"); draw "$size"; truncate -s "$drawn" "$1/manifest.json" ;;
        grow) own_file "$shard"; printf 'more' >>"$shard" ;;
        zero) own_file "$shard"; size=$(stat -c %s "$shard"); draw $((size / 4096 - 1))
            dd if=/dev/zero of="$shard" bs=4096 seek=$((drawn + 1)) count=1 conv=notrunc status=none ;;
        missing) rm "$shard" ;;
        no-manifest) rm "$1/manifest.json" ;;
        no-master) rm "$1/model.h5" ;;
        swap) mv "$shard" "$1/x"; mv "$other" "$shard"; mv "$1/x" "$other" ;;
        foreign) cp --remove-destination "$(generation "$folder/foreign" "$base_step")/${shard##*/}" "$shard" ;;
        older) cp --remove-destination "$(generation "$run" $((base_step - 3)))/${shard##*/}" "$shard" ;;
        foreign-manifest) cp "$(generation "$folder/foreign" "$base_step")/manifest.json" "$1/manifest.json" ;;
        folder) rm "$shard"; mkdir "$shard" ;;
    esac
}
