"""stamps, clipart and detection: photographs and drawings of things, split by thing."""
import json
import os
import re
import shutil
import sys
import time
from collections import Counter, defaultdict

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tools import (art_luminance, Backgrounds, BICUBIC, BOX, contrasting, jpeg_bytes, load_rgba, NearDuplicates, place,
                   plain_background, rng_for, SetWriter, signature, write_summary)

STAMP_CLASSES = {
    "bird": "animals/birds",
    "fish": "animals/fish",
    "bug": "animals/insects",
    "mammal": "animals/mammals animals/marsupials",
    "fruit": "food/fruit",
    "vegetable": "food/vegetables",
    "flower": "plants/flowers",
    "plant": "plants/trees plants/",
    "road_vehicle": "vehicles/ vehicles/auto vehicles/emergency vehicles/construction vehicles/masstransit "
                    "vehicles/farming vehicles/race",
    "train": "vehicles/locomotive",
    "boat": "vehicles/ship",
    "hat": "clothes/hats",
    "clothing": "clothes/",
    "instrument": "hobbies/music",
    "tool": "household/tools",
    "kitchenware": "household/dishes",
    "electronics": "household/electronics",
    "building": "town/houses town/monuments/cartoon",
    "roadsign": "town/roadsigns",
    "ball": "sports",
    "planet": "space/planets space/moon",
    "coin": "symbols/money/us symbols/money/euro symbols/money/canadian symbols/money/japanese",
    "hand_sign": "symbols/alphabets/asl",
    "person": "people/cartoon",
}
# files whose folder says one thing and whose picture another
STAMP_EXCLUDE = set("""
lobster shrimp snail snail2 brown_slug wings teddy_bear edward_bear toadstool pinecone rambutan
7spoke256 bikewheel tyre_with_rim wheel_tractor trainsign
button clotheshanger clothespin_new clothespin_old glasses1 glasses2 sunglasses_01 sunglasses_02 red_handbag
rugby_goal_posts stopwatch tennis_racket trophy_cup football_helmet_front football_helmet_side
snowman scarecrow
""".split())


def stamp_key(stem):
    """One key for the pictures of one thing: 'apple_core.svg', 'lion-2.png', 'tender_mirror.png'."""
    key = stem.lower().replace("-", "_")
    return re.sub(r"(_?(mirror|left|right|small|big|\d+))+$", "", key) or key


def find_stamps(args):
    """{class: {key: [path, ...]}}; of a PNG and an SVG of one stem only one is kept."""
    base = os.path.join(args.share, "tuxpaint", "stamps")
    result = {}
    for cls, folders in STAMP_CLASSES.items():
        by_stem = {}
        for rel in folders.split():
            for folder, dirs, files in os.walk(os.path.join(base, rel)):
                dirs.sort()
                if rel.endswith("/"):
                    dirs[:] = []
                for f in sorted(files):
                    stem, ext = os.path.splitext(f)
                    if ext in (".png", ".svg") and stem.lower().replace("-", "_") not in STAMP_EXCLUDE \
                            and not stem.endswith("_mirror"):
                        by_stem[stem.lower().replace("-", "_")] = os.path.join(folder, f)
        groups = defaultdict(list)
        for stem, path in sorted(by_stem.items()):
            groups[stamp_key(stem)].append(path)
        if groups:
            result[cls] = dict(groups)
    if not result:
        sys.exit("tuxpaint-stamps-default is not installed: run install.sh")
    return result


def load_stamps(args, box=384):
    """{class: {'train' | 'val': [(key, source, RGBA art)]}}, half of the things in each."""
    if hasattr(args, "_stamps"):
        return args._stamps
    result = {}
    for cls, groups in find_stamps(args).items():
        keys = sorted(groups)
        rng_for(args.seed, "stamps", cls).shuffle(keys)
        result[cls] = {"train": [], "val": []}
        placed = 0
        for key in keys:
            arts = []
            for path in groups[key]:
                art = load_rgba(path, box)
                if art is not None and max(art.size) >= 40 and has_cutout(art):
                    if max(art.size) > box:
                        art = art.resize([max(1, round(s * box / max(art.size))) for s in art.size], BOX)
                    arts.append((key, os.path.relpath(path, args.share), art))
            if arts:
                result[cls]["val" if placed % 2 else "train"] += arts
                placed += 1
    args._stamps = result
    return result


def has_cutout(art):
    """False for pictures without any transparent part that are not simply rectangular things."""
    a = np.asarray(art.getchannel("A"))
    return (a > 128).mean() > 0.05


def vary(rng, art, angle=15, flip=True):
    """A mirrored, turned and re-lit copy of a stamp, trimmed."""
    if flip and rng.random() < 0.5:
        art = art.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    art = art.rotate(rng.uniform(-angle, angle), BICUBIC, expand=True)
    alpha = art.getchannel("A")
    art = ImageEnhance.Brightness(art.convert("RGB")).enhance(rng.uniform(0.8, 1.15))
    art = ImageEnhance.Color(art).enhance(rng.uniform(0.75, 1.2))
    art.putalpha(alpha)
    return art.crop(alpha.point(lambda a: 255 if a > 24 else 0).getbbox())


def build_stamps(args):
    stamps = load_stamps(args)
    backgrounds = Backgrounds(args)
    writer = SetWriter(args.out, "stamps", stamps)
    for cls, parts in stamps.items():
        for part, split, views in (("train", "train", args.stamp_views), ("val", "test", 2)):
            for key, source, art in parts[part]:
                for view in range(views):
                    rng = rng_for(args.seed, "stamps", source, view)
                    short = rng.randint(120, 200)
                    w, h = short, round(short * rng.uniform(1, 1.34))
                    if rng.random() < 0.6:
                        w, h = h, w
                    canvas = backgrounds.crop(rng, part, w, h)
                    flip = cls not in ("roadsign", "hand_sign", "coin")
                    place(rng, vary(rng, art, flip=flip), canvas, rng.uniform(0.6, 0.95))
                    writer.add(split, cls, jpeg_bytes(canvas, rng.randint(85, 95)), key, source)
    writer.finish()



CLIPART_CLASSES = {
    "mammal": "animals/mammals", "bird": "animals/birds", "bug": "animals/bugs", "fruit": "food/fruit",
    "vegetable": "food/vegetables", "dessert": "food/desserts", "beverage": "food/beverages",
    "music": "recreation/music", "sport": "recreation/sports", "party": "recreation/party",
    "vehicle": "transportation/vehicles", "home": "buildings/homes",
    "clothing": "people/clothing", "bodypart": "people/bodypart", "stickman": "people/stickmen",
    "smiley": "people/smilies", "flower": "plants/flowers", "tree": "plants/trees", "weapon": "tools/weapons",
    "hardware": "computer/hardware", "roadsign": "transportation/roadsigns", "weather": "signs_and_symbols/weather",
    "book": "education/books", "furniture": "buildings/furniture",
}


# two of these say "linked image not found", the others show something else than their folder says
CLIPART_EXCLUDE = {"duck_yellow_ii_kurt_cagl_.png", "tux_didier_fabert_01.png", "turkey_on_platter_01.png",
                   "contour_bat.png", "mirjam_meijer_mirjam_mei_01.png"}


def find_clipart(args):
    base = os.path.join(args.share, "openclipart", "png")
    result = {}
    for cls, rel in CLIPART_CLASSES.items():
        groups = defaultdict(list)
        for folder, dirs, files in os.walk(os.path.join(base, rel)):
            dirs.sort()
            for f in sorted(files):
                if f.endswith(".png") and f not in CLIPART_EXCLUDE:
                    # one key for the variants of one drawing: pear_simple.png, pear_simple_bw.png, pear_02.png
                    key = re.sub(r"\d+", "", re.sub(r"_bw(?=_|$)", "", f[:-4].lower()))
                    groups[re.sub(r"[_.]+", "_", key).strip("_")].append(os.path.join(folder, f))
        result[cls] = groups
    # a drawing filed under two classes (apple pie, orange juice) has no one label
    homes = Counter(key for groups in result.values() for key in groups)
    result = {cls: {k: v for k, v in groups.items() if homes[k] == 1} for cls, groups in result.items()}
    return {cls: groups for cls, groups in result.items() if sum(map(len, groups.values())) >= 20}


def build_clipart(args):
    found = find_clipart(args)
    if not found:
        sys.exit("openclipart-png is not installed: run install.sh")
    writer = SetWriter(args.out, "clipart", found)
    skipped = Counter()
    for cls, groups in found.items():
        keys = sorted(groups)
        rng_for(args.seed, "clipart", cls).shuffle(keys)
        dup = NearDuplicates(0.02)
        for i, key in enumerate(keys):
            split = "test" if i % 2 else "train"
            for path in groups[key]:
                art = load_rgba(path, 256)
                if art is None or not dup.add(signature(art)):
                    skipped["near duplicate or unreadable"] += 1
                    continue
                if max(art.size) > 256:
                    art = art.resize([max(1, round(s * 256 / max(art.size))) for s in art.size], BOX)
                source = os.path.relpath(path, args.share)
                rng = rng_for(args.seed, "clipart", source)
                short = rng.randint(112, 180)
                w, h = short, round(short * rng.uniform(1, 1.3))
                canvas = plain_background(rng, *((w, h) if rng.random() < 0.5 else (h, w)),
                                          contrasting(rng, art_luminance(art)))
                place(rng, art, canvas, rng.uniform(0.7, 0.95))
                writer.add(split, cls, jpeg_bytes(canvas, rng.randint(85, 95)), key, source)
    writer.finish(skipped=dict(skipped))



def compose_scene(rng, part, stamps, backgrounds):
    """(picture, [(class, box x y w h, visible pixels)])"""
    w, h = rng.randint(256, 512), rng.randint(256, 512)
    canvas = backgrounds.crop(rng, part, w, h)
    owner = np.full((h, w), -1, np.int16)
    full, classes = [], []
    names = sorted(stamps)
    for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5, 6))):
        cls = rng.choice(names)
        _, _, art = rng.choice(stamps[cls][part])
        art = vary(rng, art, flip=cls not in ("roadsign", "hand_sign", "coin"))
        want = rng.uniform(0.14, 0.6) * min(w, h)
        scale = min(want / max(art.size), 2.5)
        art = art.resize([max(2, round(s * scale)) for s in art.size], BICUBIC if scale > 1 else BOX)
        for _ in range(12):                                     # find a place that hides little
            x, y = rng.randint(0, w - art.width), rng.randint(0, h - art.height)
            solid = np.asarray(art.getchannel("A")) > 96
            view = owner[y:y + art.height, x:x + art.width]
            covered = view[solid]
            lost = Counter(covered[covered >= 0].tolist())
            if all((owner == i).sum() - n >= 0.6 * full[i] for i, n in lost.items()):
                soft = art.getchannel("A").filter(ImageFilter.GaussianBlur(0.7))
                canvas.paste(art.convert("RGB"), (x, y), soft)
                view[solid] = len(full)
                full.append(int(solid.sum()))
                classes.append(cls)
                break
    found = []
    for i, cls in enumerate(classes):
        ys, xs = np.nonzero(owner == i)
        if len(xs) >= 64:
            x, y = int(xs.min()), int(ys.min())
            found.append((cls, [x, y, int(xs.max()) - x + 1, int(ys.max()) - y + 1], len(xs)))
    return canvas, found


def build_detection(args):
    stamps = load_stamps(args)
    backgrounds = Backgrounds(args)
    folder = os.path.join(args.out, "detection")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "annotations"))
    started = time.time()
    categories = [{"id": i + 1, "name": c, "supercategory": "stamp"} for i, c in enumerate(stamps)]
    ids = {c["name"]: c["id"] for c in categories}
    notes, size = {}, 0
    for split, part, total in (("train", "train", args.scenes), ("val", "val", max(1, args.scenes // 5))):
        os.makedirs(os.path.join(folder, split))
        images, annotations = [], []
        for n in range(total):
            rng = rng_for(args.seed, "detection", split, n)
            canvas, found = compose_scene(rng, part, stamps, backgrounds)
            name = "%06d.jpg" % (n + 1)
            data = jpeg_bytes(canvas, rng.randint(85, 95))
            with open(os.path.join(folder, split, name), "wb") as f:
                f.write(data)
            size += len(data)
            images.append({"id": n + 1, "file_name": name, "width": canvas.width, "height": canvas.height})
            for cls, box, area in found:
                annotations.append({"id": len(annotations) + 1, "image_id": n + 1, "category_id": ids[cls],
                                    "bbox": box, "area": area, "iscrowd": 0})
        with open(os.path.join(folder, "annotations", "instances_%s.json" % split), "w") as f:
            json.dump({"info": {"description": "stamps on photographs, " + split}, "licenses": [],
                       "images": images, "annotations": annotations, "categories": categories}, f)
            f.write("\n")
        notes[split] = {"images": total, "boxes": len(annotations), "things": sum(len(stamps[c][part]) for c in stamps)}
    write_summary(folder, {"set": "detection", "categories": len(categories), "splits": notes,
                           "megabytes": round(size / 1e6, 1), "build_seconds": round(time.time() - started, 1)})
