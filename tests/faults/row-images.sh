# Broken and hostile image files of each kind that tests/data/hostile knows: one, a tenth of all, or all that one rank reads
# in the first epoch. A run on 4 ranks goes on with substitutes and lists exactly what it replaced.
# shellcheck shell=bash disable=SC2034,SC2154
images_accepted='N4, equal steps on all ranks, at most 1 s and 512 MB an image'

mapfile -t image_kinds < <(h=$(mktemp -d) && "$top_builddir/tests/data/hostile" "$h" all >/dev/null && ls "$h" && rm -rf "$h")
images_short=20 images_long=$((3 * ${#image_kinds[@]}))

# The images of the stream that are to be replaced: "PATH" lines.
chosen() { # ONE|TENTH|RANK
    case $1 in
        one) awk 'NR == 4' "$folder/reference.images" ;;
        tenth) awk -v n=$((images / 10)) 'NR % 9 == 3 && n-- > 0' "$folder/reference.images" ;;
        rank) awk -v batch=$batch -v images=$images '$1 < images && int($1 % batch / (batch / 4)) == 1' "$folder/reference.images" ;;
    esac | cut -d ' ' -f 2 | sort -u
}

trial_images() { # NUMBER
    local n kind share file list expected seconds kilobytes
    [ -n "$preloaded" ] || { reason='a sanitizer does not let anything be preloaded'; return 77; }
    n=$(($1 * 61 % images_long))
    kind=${image_kinds[n % ${#image_kinds[@]}]}
    share=$((n / ${#image_kinds[@]}))
    case $share in 0) share=one ;; 1) share=tenth ;; *) share=rank ;; esac
    mkdir "$trial/hostile"
    "$top_builddir/tests/data/hostile" "$trial/hostile" all >/dev/null
    file=$trial/hostile/$kind
    cp -a "$folder/data" "$trial/data"
    chosen $share | sed "s|^$folder/data|$trial/data|" >"$trial/list"
    while read -r list; do
        rm "$list"
        cp -a "$file" "$list"
    done <"$trial/list"
    if [ -f "$file" ]; then
        read -r seconds kilobytes < <("$tools/decode" "$file" 2>&1)
        [ "${kilobytes:-999999}" -le 524288 ] && [ "${seconds%.*}" -lt 1 ] || fail "$kind: $seconds s, $kilobytes KB" || return
    fi
    job=$trial/job.json
    sed "s|$folder/data|$trial/data|g" "$folder/job.json" >"$job"
    go 120 4 --set data.bad_share=0.9 || return
    [ "$code" = 0 ] && [ "$(grep -c '"kind":"step"' "$run/metrics.jsonl")" = $steps ] || fail "$kind, $share: exit code $code: $(tail -n 1 "$said")" || return
    # A folder or a dangling link is no image: the others then stand in another order.
    if [ ! -f "$file" ] && [ ! -p "$file" ]; then check_left && check_ends; return; fi
    sed "s|$folder/data|$trial/data|" "$folder/reference.images" | awk -v images=$images -v list="$trial/list" '
        BEGIN { while ((getline path < list) > 0) bad[path] = 1 }
        $2 in bad { print int($1 / images) "\t" $2 }' | sort >"$trial/expected"
    cut -f 1,2 "$run/quarantine.tsv" | sort >"$trial/listed"
    case $kind in
        good-*) [ ! -s "$trial/listed" ] || fail "$kind, $share: N4: good images were replaced" || return ;;
        either-*) [ -z "$(comm -13 "$trial/expected" "$trial/listed")" ] || fail "$kind, $share: N4: others were replaced" || return ;;
        *) cmp -s "$trial/expected" "$trial/listed" || fail "$kind, $share: N4: $(diff "$trial/expected" "$trial/listed" | grep -c '^[<>]') lines of quarantine.tsv differ" || return ;;
    esac
    check_state && check_left && check_ends
}
