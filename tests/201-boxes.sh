#!/bin/bash
# bit check --data on annotated boxes: every trap is found before a run, all at once, with its place.
. "$(dirname "$0")/lib.sh"
needs cli
mkdir -p pictures/a
cp "$top_srcdir"/data/digits/train/3/0*.jpg pictures/a/
mapfile -t files < <(cd pictures && ls a/*.jpg | head -n 4)
# images LINE...: a COCO file of the four pictures, of 32 x 32 pixels, with these annotations
coco() { # FILE ANNOTATIONS
    {
        printf '{"images":['
        for i in 0 1 2 3; do printf '%s{"id":%d,"width":32,"height":32,"file_name":"%s"}' "$([ $i = 0 ] || echo ,)" $((i + 1)) "${files[i]}"; done
        printf '],"annotations":[%s],"categories":[{"id":1,"name":"one"},{"id":90,"name":"ninety"}]}\n' "$2"
    } >"$1"
}
box() { printf '{"id":%s,"image_id":%s,"category_id":%s,"bbox":%s,"area":9,"iscrowd":%s}' "$@"; }
cat >job.json <<'END'
{"data": {"train": "train.json", "train_folder": "pictures", "size": 32}, "schedule": {"epochs": 1, "batch": 2}, "micro_batch": 1}
END

coco train.json "$(box 7 1 1 '[1,2,3,4]' 0),$(box 7 2 1 '[1,2,3,4]' 0),$(box 8 99 1 '[1,2,3,4]' 0),$(box 9 1 55 '[1,2,3,4]' 0)"
refused 65 "ids twice, an image and a category that are not listed" "$bit" check --data job.json
says err "job.json: data.train: $scratch/train.json: annotations[0] (id 7, image 1) and annotations[1] (id 7, image 2) have the same id"
says err "train.json: annotations[2] (id 8, image 99): image_id 99 is not among the images"
says err "train.json: annotations[3] (id 9, image 1): category_id 55 is not among the categories"
sed -i 's/"bbox":\[1,2,3,4\]/"bbox":[1,2,NaN,4]/' train.json
refused 65 "a number that is none" "$bit" check --data job.json
says err "annotations[0].bbox: expected [x, y, width, height], four finite numbers, found nan"

coco train.json "$(box 0 1 1 '[1,2,0,4]' 0),$(box 1 2 90 '[1,2,3,4]' 1),$(box 2 2 90 '[1,2,3,4]' 0),$(box 3 2 90 '[1,2,3,4]' 0),$(box 4 2 90 '[29,2,5,4]' 0)"
"$bit" check --data job.json >out 2>err
says err "train.json: 1 box of no width or no height: not trained on (annotations[0] (id 0, image 1))"
says err "1 annotation with the id 0"
says err "2 images without boxes: trained on as background (${files[2]})"
says err "1 crowd (iscrowd): not trained on"
says err "2 category ids, with gaps"
says err "1 box reaches beyond the picture by more than a pixel: clipped (annotations[4] (id 4, image 2))"
says err "holds boxes, but the task pretrain takes whole images"

sed 's/"file_name":"a/"file_name":"b/g' train.json >"$scratch/elsewhere.json"
task=(--set task=detect)
if ! "$bit" check job.json "${task[@]}" >/dev/null 2>&1; then
    skip "boxes of a detection" "there is no task detect"
else
    expect 0 "boxes of a detection" "$bit" check --data job.json "${task[@]}"
    says out "4 images, 2 classes, 5 boxes, $scratch/train.json"
    says err "100.0 % of 3 boxes overlap no anchor by 0.5 (detect.positive) or more when pictures have 32 pixels (data.size)"
    # At 256 pixels [1, 2, 3, 4] is 24 x 32, as anchors of scale 4 are; the one of 5 x 4, clipped or not, is 40 x 32.
    expect 0 "the same with larger pictures" "$bit" check --data job.json "${task[@]}" --set data.size=256
    says out "0.0 % of 3 boxes overlap no anchor by 0.5 or more"
    expect 0 "a plan with the pictures without boxes" "$bit" plan job.json "${task[@]}" --set schedule.decay_epochs='[]'
    says out "images          4 for training"
    expect 0 "a plan without them" "$bit" plan job.json "${task[@]}" --set schedule.decay_epochs='[]' --set detect.empty_images=false
    says out "images          1 for training"
    cp train.json whole.json
    sed -E 's/"bbox": ?\[[^]]*\]/"bbox":[0.1,0.2,0.3,0.4]/g' whole.json >shares.json
    expect 0 "boxes as shares of the picture" "$bit" check --data job.json "${task[@]}" --set data.train=shares.json
    says err "boxes are less than a pixel wide or high when pictures have 32 pixels (data.size): not trained on; are they shares of the picture"
    sed -E 's/"annotations": ?\[.*\], ?"categories"/"annotations":[],"categories"/' whole.json >bare.json
    "$bit" check --data job.json "${task[@]}" --set data.train=bare.json >out 2>err
    says err "no boxes at all: there is nothing to find"
    refused 66 "two sets that are not there" "$bit" check --data job.json "${task[@]}" --set data.train=elsewhere.json --set data.val=nowhere.json
    says err "data.val"
    expect 0 "one file for both sets" "$bit" check --data job.json "${task[@]}" --set data.val=train.json --set data.val_folder=pictures
    ok $(($(grep -c "with the id 0" err) != 1 || $(grep -c "overlap no anchor" err) != 1)) "what is odd about one file is said once"
    sed 's/"area":9/"area":-9/g' whole.json >below.json
    expect 0 "negative areas" "$bit" check --data job.json "${task[@]}" --set data.train=below.json
    says err "5 annotations with a negative area: trained on, but an evaluation looks for none such"
    refused 66 "pictures that are not there" "$bit" check --data job.json "${task[@]}" --set data.train=elsewhere.json
    says err "name the folder they stand below (data.train_folder, data.val_folder)"
    sed 's/"width":32/"width":48/' train.json >turned.json
    refused 65 "pictures of another size" "$bit" check --data job.json "${task[@]}" --set data.train=turned.json
    says err "32 x 32 pixels, but its boxes are for 48 x 32"
fi
refused 66 "a folder of pictures that is not there" "$bit" check --data job.json --set data.train_folder=nowhere
says err "cannot open the folder of images"
exit $bad
