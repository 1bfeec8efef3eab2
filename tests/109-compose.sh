#!/bin/bash
# bit compose: where objects land on backgrounds, and how large; what is refused; an evaluation of what it makes.
. "$(dirname "$0")/lib.sh"
needs cli
for python in python3 /usr/bin/python3; do "$python" -c 'import PIL' 2>/dev/null && break; done
"$python" -c 'import PIL' 2>/dev/null || { echo "no Pillow for python3: skipped"; exit 77; }

# A red bar of 40 x 20 in a transparent picture, a disc with a soft edge, a green background of 100 x 60 with a blue right part, a large one.
"$python" - <<'PYTHON'
import os
from PIL import Image, ImageDraw
for d in ("objects/bar", "objects/disc", "grounds"):
    os.makedirs(d)
bar = Image.new("RGBA", (90, 70), (0, 0, 0, 0))
ImageDraw.Draw(bar).rectangle((25, 30, 64, 49), fill=(255, 0, 0, 255))
bar.save("objects/bar/red.png")
disc = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
for y in range(64):
    for x in range(64):
        r = ((x - 31.5) ** 2 + (y - 31.5) ** 2) ** 0.5
        disc.putpixel((x, y), (255, 255, 0, max(0, min(255, int((31.5 - r) * 255)))))
disc.save("objects/disc/yellow.png")
ground = Image.new("RGB", (100, 60), (0, 160, 0))
ImageDraw.Draw(ground).rectangle((60, 0, 99, 59), fill=(0, 0, 255))
ground.save("grounds/wide.png")
Image.new("RGB", (600, 900), (100, 100, 100)).save("grounds/tall.jpg", quality=95)
open("grounds/note.txt", "w").write("no picture")
PYTHON
expect 0 "two objects on two backgrounds" "$bit" compose objects grounds made --size 300
says out 'made: 4 pictures, 2 objects of 2 classes on 2 backgrounds'
"$python" - <<'PYTHON'
from PIL import Image
def near(a, b): return all(abs(x - y) <= 12 for x, y in zip(a, b))
def is_red(p): return p[0] > 128 and p[1] < 100
p = Image.open("made/bar/red--wide.jpg").convert("RGB")
assert p.size == (60, 60), p.size                       # the square from the left upper corner: no blue
assert not any(px[2] > 120 and px[0] < 90 for px in p.getdata())
xs = [x for x in range(60) if is_red(p.getpixel((x, 30)))]
ys = [y for y in range(60) if is_red(p.getpixel((30, y)))]
assert abs(len(xs) - 48) <= 2 and abs(xs[0] - 6) <= 1, xs # 80 % of 60, in the middle
assert abs(len(ys) - 24) <= 2 and abs(ys[0] - 18) <= 1, ys
assert near(p.getpixel((30, 30)), (255, 0, 0)) and near(p.getpixel((2, 2)), (0, 160, 0))
p = Image.open("made/disc/yellow--tall.jpg").convert("RGB")
assert p.size == (300, 300)                             # of 600
assert near(p.getpixel((150, 150)), (255, 255, 0)) and near(p.getpixel((35, 35)), (100, 100, 100))
row = [p.getpixel((x, 150)) for x in range(300)]
wide = sum(px[0] > 180 for px in row)
assert abs(wide - 240) <= 10, wide
assert not any(px[0] > 120 and px[2] > 140 for px in row) # no white fringe of the transparent colour
PYTHON
ok $? "the object's longest side is 80 % of the background's, in its middle, with its edges"
expect 0 "another share" "$bit" compose objects grounds half --size 300 --share 0.5
"$python" -c '
from PIL import Image
p = Image.open("half/bar/red--wide.jpg").convert("RGB")
n = sum(px[0] > 128 and px[1] < 100 for px in (p.getpixel((x, 30)) for x in range(60)))
assert abs(n - 30) <= 2, n'
ok $? "half of the background's side"

expect 64 "pictures that are there already" "$bit" compose objects grounds made
mkdir -p opaque/x
cp grounds/wide.png opaque/x/
expect 65 "an object that is not cut out" "$bit" compose opaque grounds other
says err 'expected an object on a transparent ground'
mkdir none
expect 66 "no backgrounds" "$bit" compose objects none other
expect 66 "no objects" "$bit" compose nowhere grounds other
mkdir torn
head -c 200 grounds/tall.jpg > torn/cut.jpg
expect 65 "a damaged background" "$bit" compose objects torn other
says err 'torn/cut.jpg'
expect 64 "two folders" "$bit" compose objects grounds

# What it makes is validation data.
cat > job.json <<EOF
{"model": {"depth": 8}, "data": {"train": "made", "val": "half", "size": 16, "resize": 16}, "schedule": {"steps": 2, "batch": 4, "decay_steps": [1]}, "micro_batch": 4}
EOF
expect 0 "a job evaluates it" "$bit" check --data job.json
says out '4 images, 2 classes'
exit $bad
