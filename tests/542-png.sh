#!/bin/bash
# Pictures as PNG: the same bits as from JPEG files of the same pixels, on any number of ranks; both kinds side by side.
. "$(dirname "$0")/lib.sh"
needs bitrun
job "$scratch/tiny.json"
# 24 pixels of 32: no picture is reduced, which JPEG and PNG do in different ways
sed -i 's/"size": 16, "resize": 16/"size": 24, "resize": 24/' "$scratch/tiny.json"
run 1 "$scratch/tiny.json" --out "$scratch/jpeg"
ok $? "it trains on JPEG files"
"$top_builddir/tests/data/to_png" "$scratch/data/train/1" && "$top_builddir/tests/data/to_png" "$scratch/data/val"
ok $? "a class and all validation images become PNG files"
for ranks in 1 2; do
    run $ranks "$scratch/tiny.json" --out "$scratch/mixed$ranks"
    same "$ranks ranks on both kinds end with the weights of JPEG files" "$(hash "$scratch/mixed$ranks")" "$(hash "$scratch/jpeg")"
    same "$ranks ranks evaluate PNG files as JPEG files" "$(value "$scratch/mixed$ranks/outcome.json" top1)" "$(value "$scratch/jpeg/outcome.json" top1)"
done
same "no picture was bad" "$(value "$scratch/mixed1/outcome.json" bad_images)" 0
# What a transparent PNG lies over is the job's choice.
cp "$top_srcdir/tests/data/png/pillow-rgba.png" "$scratch/data/train/2/clear.png"
run 1 "$scratch/tiny.json" --out "$scratch/black"
run 1 "$scratch/tiny.json" --out "$scratch/white" --set data.background=#ffffff
[ "$(hash "$scratch/black")" != "$(hash "$scratch/white")" ] && [ -n "$(hash "$scratch/white")" ]
ok $? "data.background changes what becomes of a transparent picture"
exit $bad
