#!/bin/bash
# bit plan prints the paper's numbers for every shipped job. The numbers of parameters are counted here, layer by layer.
. "$(dirname "$0")/lib.sh"
needs cli

# parameters DEPTH WIDTH CLASSES -> all, and those without the head
parameters() {
    local in=$((64 * $2)) sum=$((7 * 7 * 3 * 64 * $2)) block=0 units mid out
    case $1 in 14) set -- 1 1 1 1 "$3" "$2" ;; 50) set -- 3 4 6 3 "$3" "$2" ;; 101) set -- 3 4 23 3 "$3" "$2" ;;
        152) set -- 3 8 36 3 "$3" "$2" ;; esac
    for units in "$1" "$2" "$3" "$4"; do
        mid=$((64 * $6 << block)) out=$((4 * mid))
        for ((unit = 0; unit < units; unit++)); do
            sum=$((sum + 2 * in + in * mid + 2 * mid + 9 * mid * mid + 2 * mid + mid * out))
            [ $unit != 0 ] || sum=$((sum + in * out))
            in=$out
        done
        block=$((block + 1))
    done
    sum=$((sum + 2 * in))
    echo $((sum + in * $5 + $5)) $sum
}

grouped() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }

[ "$(parameters 50 1 1000)" = "25549352 23500352" ]; ok $? "R50x1 with 1000 classes has 25,549,352 parameters"
[ "$(parameters 152 4 21843 | cut -d' ' -f2)" -gt 928000000 ]; ok $? "R152x4 has 928 M without its head"

# job NAME DEPTH WIDTH CLASSES STEPS DECAYS...
job() {
    local name=$1 depth=$2 width=$3 classes=$4 steps=$5 missing=0 rate=0.48 text
    shift 5
    "$bit" plan "$top_srcdir/jobs/$name.json" -n 64 --per-node 2 >out 2>err || { ok 1 "plan of $name"; cat err; return; }
    read -r all body < <(parameters "$depth" "$width" "$classes")
    for text in "R${depth}x$width, $(grouped "$classes") classes" "parameters      $(grouped "$all"), $(grouped "$body") without" \
        "$(grouped "$steps") of 4,096 images" "0.48 at step 5,000 (" "8 micro-batches of 8 images"; do
        grep -qF -- "$text" out || { echo "  missing: $text"; missing=1; }
    done
    for text in "$@"; do
        rate=$(awk "BEGIN { printf \"%.6g\", $rate / 10 }")
        grep -qF -- "$rate from step $(grouped "${text%:*}") (epoch ${text#*:}" out || { echo "  missing: $rate at $text"; missing=1; }
    done
    [ $missing = 0 ] || cat out
    ok $missing "plan of $name"
}

for model in 50:1 50:3 101:1 101:3 152:4; do
    depth=${model%:*} width=${model#*:}
    # ceil(epoch * images / 4096)
    job "bit-s-r${depth}x$width" "$depth" "$width" 1000 28151 9384:30 18768:60 25023:80
    job "bit-m-r${depth}x$width" "$depth" "$width" 21843 312012 104004:30 208008:60 277344:80
    job "bit-l-r${depth}x$width" "$depth" "$width" 18291 2929688 732422:10 1684571:23 2197266:30 2709961:37
done
expect 0 "plan of cluster-r50x1" "$bit" plan "$top_srcdir/jobs/cluster-r50x1.json" -n 32 --per-node 1
says out "bfloat16"
says out "0.12 at step 2,500"
expect 0 "plan of demo" "$bit" plan "$top_srcdir/jobs/demo.json" -n 2
says out "R14x1, 10 classes"
says out "1,438 for training, 359 for validation"
! grep warning: out | grep -v cores; ok $? "no warning about the demo's schedule"
expect 0 "plan of retinanet-r101x3" "$bit" plan "$top_srcdir/jobs/retinanet-r101x3.json" -n 64 --per-node 1
says out "R101x3, 80 classes, RetinaNet"
says out "381,789,888 without the head"
says out "13,862 of 256 images, 462.059 an epoch"
says out "0.08 at step 462"
says out "0.008 from step 7,393 (epoch 16"
says out "0.0008 from step 10,166 (epoch 22"
jobs=("$top_srcdir"/jobs/*.json)
expect 0 "all shipped jobs are valid" "$bit" check "${jobs[@]}"
[ "$(grep -c ': ok' out)" = ${#jobs[@]} ] && [ ${#jobs[@]} -ge 20 ]; ok $? "each of them"
exit $bad
