# What `experiments/run write` says of the runs below $work: Markdown tables, one function each. Sourced by run.
# shellcheck shell=bash

# top1 FOLDER...: accuracies in % of the finished runs among FOLDERs, one a line
top1() {
    local folder
    for folder in "$@"; do
        ! finished "$folder" || sed -n 's/^ *"top1": \([0-9.e+-]*\).*/\1/p' "$folder/outcome.json"
    done | awk '{ print 100 * $1 }'
}
# spread: numbers, one a line, as "mean (least..most)"; one number alone as itself
spread() {
    awk '{ sum += $1; if (NR == 1 || $1 < least) least = $1; if (NR == 1 || $1 > most) most = $1 }
        END { if (!NR) printf "not run"; else if (NR == 1) printf "%.1f", sum; else printf "%.1f (%.1f..%.1f)", sum / NR, least, most }'
}
of_suite() { top1 "$work/suites/$1/$2"/seed-? | spread; } # SUITE TASK
of_run() { top1 "$work/runs/$1" | spread; }               # NAME
of_probe() { # NAME SET SHOTS: the seeds' accuracies
    [ -s "$work/probes/$1-$2.json" ] || { printf 'not run'; return; }
    tr -d ' \n' <"$work/probes/$1-$2.json" | grep -oE "\"shots\":$3,[^]]*\]" | grep -oE '"accuracy":[0-9.e+-]+' | awk -F: '{ print 100 * $2 }' | spread
}
row() { # CELL...
    printf '|'
    printf ' %s |' "$@"
    echo
}
heading() { # COLUMN...
    row "$@"
    printf '|'
    printf ' --- |%.0s' "$@"
    echo
}

# Accuracies of another small network (0.4 M parameters, 32 pixels) that the sets were first tried with: to be beaten
floor() {
    case $1 in
        greek-1) echo 71.6 ;; greek-5) echo 89.1 ;; cyrillic-1) echo 55.4 ;; cyrillic-5) echo 80.5 ;; hangul-1) echo 48.7 ;; hangul-5) echo 81.0 ;;
        georgian-1) echo 61.2 ;; georgian-5) echo 79.7 ;; stamps-5) echo 11.7 ;; stamps-all) echo 26.8 ;; clipart-5) echo 19.0 ;; clipart-all) echo 24.2 ;;
    esac
}
table_scripts() {
    local set shots probe
    heading task "R8x1, scratch" "R8x1 from glyphs" "R14x1 from glyphs" "probe of R8x1" "probe of R14x1" floor
    for set in "${scripts[@]}"; do
        for shots in 1 5 10 all; do
            probe=("" "")
            [ $shots = all ] || probe=("$(of_probe glyphs-r8 "$set" $shots)" "$(of_probe glyphs "$set" $shots)")
            row "$set, $shots" "$(of_suite scripts-scratch-r8 "$set-$shots")" "$(of_suite scripts-r8 "$set-$shots")" "$(of_suite scripts "$set-$shots")" "${probe[@]}" \
                "$(floor "$set-$shots")"
        done
    done
}
table_pictures() {
    local set shots probe
    heading task "R8x1, scratch" "R8x1 from icons" "probe of R8x1" floor
    for set in stamps clipart; do
        for shots in 1 5 10 all; do
            probe=
            [ $shots = all ] || probe=$(of_probe icons-r8 "$set" $shots)
            row "$set, $shots" "$(of_suite pictures-scratch-r8 "$set-$shots")" "$(of_suite pictures-r8 "$set-$shots")" "$probe" "$(floor "$set-$shots")"
        done
    done
}
table_tune() {
    local rate
    heading "what" "1 of each class" "5 of each class"
    tuned() { row "$1" "$(of_suite "tune-$2" greek-1)" "$(of_suite "tune-$2" greek-5)"; }
    for rate in 0.01 0.03 0.1; do tuned "R8x1 from glyphs, rate $rate" "r8-$rate"; done
    tuned "R8x1 from glyphs, rate 0.03, resized to 36 and cropped" r8-crops
    for rate in 0.01 0.03; do tuned "R14x1 from glyphs, rate $rate, 100 steps" "r14-$rate"; done
    for rate in 0.1 0.3 1; do tuned "R8x1 from scratch, rate $rate" "scratch-$rate"; done
    tuned "R8x1 from scratch, rate 0.3, without MixUp" scratch-plain
    tuned "R8x1 from scratch, rate 0.3, 200 steps" scratch-short
    echo
    heading "stamps, half of the things" "top-1 on the other half"
    for rate in 0.01 0.03 0.1; do row "R8x1 from icons, rate $rate" "$(of_suite "tune-pictures-$rate" stamps-all)"; done
}
upstream_row() { # LABEL RUN: validation, and 5-shot probes of it
    row "$1" "$(of_run "$2")" "$(of_probe "$2" greek 5)" "$(of_probe "$2" cyrillic 5)"
}
outcome() { sed -n "s/^ \"$2\": \"\{0,1\}\([^,\"]*\).*/\1/p" "$work/runs/$1/outcome.json" 2>/dev/null | head -n 1; } # RUN FIELD
key() { grep -oE "\"$2\": *[0-9.]+" "$work/runs/$1/job.json" 2>/dev/null | head -n 1 | grep -oE '[0-9.]+$'; }      # RUN KEY
table_upstream() {
    local name
    heading run network pixels steps batch "top-1, validation" seconds
    for name in glyphs-r8 glyphs icons-r8 icons; do
        ! finished "$work/runs/$name" || row "$name" "R$(key "$name" depth)x$(key "$name" width)" "$(key "$name" size)" "$(outcome "$name" step)" \
            "$(key "$name" batch)" "$(of_run "$name")" "$(outcome "$name" seconds | sed 's/\..*//')"
    done
}
downstream=("Greek, 5-shot probe" "Cyrillic, 5-shot probe")
table_sizes() {
    local width share
    heading "network, pictures of each class" "top-1, validation" "${downstream[@]}"
    for width in 1 2; do
        for share in 12 36 0; do upstream_row "R8x$width, $([ $share = 0 ] && echo all || echo "at most $share")" "size-$width-$share"; done
    done
}
table_norms() {
    local norm
    heading "norm" "top-1, validation" "${downstream[@]}"
    for norm in group batch; do
        upstream_row "$norm, plain" "norm-$norm-false"
        upstream_row "$norm, standardised" "norm-$norm-true"
    done
}
table_schedules() {
    heading run "top-1, validation" "${downstream[@]}"
    upstream_row "weight decay 0.00001" decay-0.00001
    upstream_row "weight decay 0.0001" batch-256
    upstream_row "weight decay 0.001" decay-0.001
    upstream_row "weight decay 0.0001, rate decayed at epochs 0.6, 1.2, 1.8" early
}
table_rates() {
    heading batch "rate in proportion" "rate of a batch of 256"
    row 64 "$(of_run batch-64)" "$(of_run batch-64-fixed)"
    row 256 "$(of_run batch-256)" "the same"
    row 1024 "$(of_run batch-1024)" "$(of_run batch-1024-fixed)"
}
table_mixup() {
    local task
    heading task "without" "MixUp, alpha 0.1"
    for task in greek-5 greek-all hangul-5 hangul-all; do row "$task" "$(of_suite scripts-r8 $task)" "$(of_suite mixup-r8 $task)"; done
    row "glyphs, from scratch (42,000 pictures)" "$(of_run batch-256)" "$(of_run mixup)"
}
table_longer() {
    local task
    heading task "R8x1, scratch" "R8x1 from glyphs, 200 steps" "R8x1 from glyphs, 700 steps and MixUp"
    for task in hangul-10 hangul-all georgian-all; do
        row "$task" "$(of_suite scripts-scratch-r8 $task)" "$(of_suite scripts-r8 $task)" "$(of_suite scripts-long $task)"
    done
}
duplicates_of() { # NAME: a row for each test of a report
    { tr -d '\n' <"$work/dedup/$1/report.json"; echo; } | sed 's/"path"/\n&/g' | sed -nE "s|^\"path\": *\"$work/sets/([^\"]*)\", *\"images\": *([0-9]+).*\"duplicates\": *([0-9]+).*|\1 \2 \3|p" |
        { read -r upstream _ _ && while read -r test images copies; do row "$upstream" "$test" "$images" "$copies"; done; }
}
clean() { # NAME RUN: validation as it is, and without duplicates
    row "$2" "$(of_run "$2")" "$(sed -n 's/.*top-1 \([0-9.]*\) .*/\1/p' "$work/dedup/$1/accuracy" 2>/dev/null | awk '{ print 100 * $1 }' | spread)"
}
table_duplicates() {
    local name
    heading "trained on" "tested on" "test pictures" "with a duplicate"
    for name in glyphs icons "${scripts[@]}" stamps clipart; do
        [ ! -f "$work/dedup/$name/report.json" ] || duplicates_of "$name"
    done
    echo
    heading run "top-1, validation" "without duplicates"
    clean glyphs glyphs-r8
    clean icons icons-r8
}
# ap NAME [agnostic]: AP and AP50 in % of what a detection run found; - where it was not run
ap() {
    local file=$work/runs/det-$1/results.json
    [ -s "$file" ] || { echo "- -"; return; }
    "$build/bit" coco "$work/sets/detection/annotations/instances_val.json" "$file" ${2:+--class-agnostic} --json 2>/dev/null |
        sed -nE 's/^\{"stats":\{"AP":([0-9.e-]+),"AP50":([0-9.e-]+).*/\1 \2/p' | awk '{ printf "%.1f %.1f\n", 100 * $1, 100 * $2 }'
}
table_detection() {
    local arm seed
    heading run "AP" "AP50" "class-agnostic AP" "AP50"
    for arm in "${arms[@]}"; do
        for seed in 0 1 2; do
            # shellcheck disable=SC2046 # numbers
            [ ! -s "$work/runs/det-$arm-$seed/results.json" ] || row "$arm, seed $seed" $(ap "$arm-$seed") $(ap "$arm-$seed" agnostic)
        done
    done
}
table_boxrates() { # three epochs
    local arm rate
    heading "AP after three epochs" "rate 0.02" 0.04 0.12
    for arm in "${arms[@]}"; do
        row "$arm" "$(ap "tune-$arm-0.02" | cut -d' ' -f1)" "$(ap "tune-$arm-0.04" | cut -d' ' -f1)" "$(ap "tune-$arm-0.12" | cut -d' ' -f1)"
    done
}
# Gaps to scratch over the seeds that both have, with the middle 95 % over draws of the validation pictures
table_gaps() {
    local arm kind seed first against
    heading "beginning with" "categories" "AP: scratch" "AP" "gap" "95 % of 1000 draws" "draws above 0"
    for arm in "${arms[@]:1}"; do
        first=() against=()
        for seed in 0 1 2; do
            [ -s "$work/runs/det-scratch-$seed/results.json" ] && [ -s "$work/runs/det-$arm-$seed/results.json" ] || continue
            first+=("$work/runs/det-scratch-$seed/results.json") against+=(--against "$work/runs/det-$arm-$seed/results.json")
        done
        for kind in "" --class-agnostic; do
            [ ${#first[@]} -gt 0 ] || { row "$arm" "" "not run" "" "" "" ""; break; }
            # shellcheck disable=SC2086 # nothing or an option
            "$build/bit" coco "$work/sets/detection/annotations/instances_val.json" "${first[@]}" "${against[@]}" $kind 2>/dev/null |
                awk -v arm="$arm (${#first[@]} seeds)" -v kind="${kind:+one}" '$1 == "AP" { printf "| %s | %s | %.1f | %.1f | %+.1f | %+.1f to %+.1f | %.1f %% |\n", arm,
                    kind ? kind : 24, 100 * $2, 100 * $3, 100 * $4, 100 * $5, 100 * $7, $8 }'
        done
    done
}
# Seconds of all finished runs
table_time() {
    find "$work/runs/" "$work/suites" -name outcome.json -exec sed -n 's/^ "seconds": \([0-9.]*\).*/\1/p' {} + |
        awk '{ sum += $1 } END { printf "%d runs, %.1f hours of %s\n", NR, sum / 3600, "training and evaluation" }'
}
table_processor() {
    echo "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc --all) processors, instruction set $(outcome glyphs-r8 instruction_set)," \
        "$(outcome glyphs-r8 ranks) rank of $(outcome glyphs-r8 threads) thread; bit $(outcome glyphs-r8 version), convolutions by $(outcome glyphs-r8 backend)"
}

# The document: EXPERIMENTS.in with every line "@NAME@" replaced by what table_NAME prints
write() {
    local line
    while IFS= read -r line; do
        if [[ $line =~ ^@([a-z]+)@$ ]]; then
            "table_${BASH_REMATCH[1]}"
        else
            printf '%s\n' "$line"
        fi
    done <"$here/EXPERIMENTS.in" >"$out.new" && mv "$out.new" "$out" && echo "  $out"
}
