"""What the builders share: writing sets, drawing artwork, photographs as grounds."""
import csv
import hashlib
import io
import json
import math
import os
import random
import shutil
import sys
import time
from collections import Counter, defaultdict

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
BICUBIC, BOX = Image.Resampling.BICUBIC, Image.Resampling.BOX


def rng_for(*key):
    """A generator that depends on the key's text only (not on PYTHONHASHSEED)."""
    return random.Random("/".join(map(str, key)))


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def luminance(rgb):
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def jpeg_bytes(img, quality, subsampling=2, **options):
    buf = io.BytesIO()
    img.save(buf, "JPEG", quality=quality, subsampling=subsampling, **options)
    return buf.getvalue()


def round_robin(groups):
    """Yield the items of several lists in turn: a0 b0 c0 a1 b1 ..."""
    queues = [list(g) for g in groups]
    for depth in range(max(map(len, queues), default=0)):
        for q in queues:
            if depth < len(q):
                yield q[depth]


class DisjointSets:
    def __init__(self):
        self.parent = {}

    def find(self, x):
        self.parent.setdefault(x, x)
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[max(a, b)] = min(a, b)


class NearDuplicates:
    """Keeps small signatures; tells whether a new one is near one it has."""

    def __init__(self, threshold):
        self.threshold, self.rows = threshold, []

    def add(self, sig, threshold=None):
        """False when sig is near something already here; else keeps it."""
        if self.rows:
            distance = np.abs(np.stack(self.rows) - sig).mean(axis=1).min()
            if distance < (threshold or self.threshold):
                return False
        self.rows.append(sig)
        return True


class SetWriter:
    """Writes one folder-per-class set with its lists and its summary."""

    def __init__(self, out, name, classes, descriptions=None):
        self.dir, self.name = os.path.join(out, name), name
        self.classes = list(classes)
        self.label = {c: i for i, c in enumerate(self.classes)}
        self.desc = descriptions or {}
        self.rows = defaultdict(list)
        self.count = Counter()
        self.bytes = 0
        self.started = time.time()
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)

    def add(self, split, cls, data, group, source):
        """data: JPEG bytes.  Returns the path, relative to the set's folder."""
        n = self.count[split, cls]
        self.count[split, cls] += 1
        folder = os.path.join(self.dir, split, cls)
        if n == 0:
            os.makedirs(folder, exist_ok=True)
        path = "%s/%s/%05d.jpg" % (split, cls, n)
        with open(os.path.join(self.dir, path), "wb") as f:
            f.write(data)
        self.bytes += len(data)
        self.rows[split].append((path, self.label[cls], cls, group, source))
        return path

    def finish(self, **notes):
        with open(os.path.join(self.dir, "classes.txt"), "w", encoding="utf-8") as f:
            for c in self.classes:
                f.write("%d\t%s\t%s\n" % (self.label[c], c, self.desc.get(c, c)))
        splits = {}
        for split, rows in self.rows.items():
            rows.sort(key=lambda r: (r[1], r[0]))
            with open(os.path.join(self.dir, split + ".txt"), "w") as f:
                f.writelines("%s\t%d\n" % r[:2] for r in rows)
            with open(os.path.join(self.dir, split + ".csv"), "w", newline="", encoding="utf-8") as f:
                w = csv.writer(f, lineterminator="\n")
                w.writerow(("path", "label", "class", "group", "source"))
                w.writerows(rows)
            per = Counter(r[1] for r in rows)
            splits[split] = {"images": len(rows), "classes": len(per), "groups": len({r[3] for r in rows}),
                             "sources": len({r[4] for r in rows}),
                             "per_class_min": min(per.values()), "per_class_max": max(per.values())}
        summary = {"set": self.name, "classes": len(self.classes), "splits": splits,
                   "megabytes": round(self.bytes / 1e6, 1),
                   "build_seconds": round(time.time() - self.started, 1), **notes}
        write_summary(self.dir, summary)


def write_summary(folder, summary):
    with open(os.path.join(folder, "summary.json"), "w") as f:
        json.dump(summary, f, indent=1, sort_keys=True)
        f.write("\n")
    log(json.dumps(summary, sort_keys=True))



_rsvg = None


def render_svg(path, box):
    """RGBA picture of an SVG whose longer side is `box` pixels, or None."""
    global _rsvg
    if _rsvg is None:
        import gi
        gi.require_version("Rsvg", "2.0")
        from gi.repository import Rsvg
        import cairo
        _rsvg = Rsvg, cairo
    Rsvg, cairo = _rsvg
    try:
        handle = Rsvg.Handle.new_from_file(path)
        ok, w, h = handle.get_intrinsic_size_in_pixels()
        if not ok or w <= 0 or h <= 0:
            ok, ink, _ = handle.get_geometry_for_element(None)
            w, h = ink.width, ink.height
        if w <= 0 or h <= 0:
            return None
        scale = box / max(w, h)
        W, H = max(1, round(w * scale)), max(1, round(h * scale))
        surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, W, H)
        area = Rsvg.Rectangle()
        area.x = area.y = 0
        area.width, area.height = W, H
        handle.render_document(cairo.Context(surface), area)
        surface.flush()
    except Exception:           # broken files exist; the caller just skips them
        return None
    raw = np.ndarray((H, surface.get_stride() // 4, 4), np.uint8, surface.get_data())[:, :W]
    alpha = raw[..., 3:].astype(np.uint16)
    rgb = np.minimum(255, raw[..., 2::-1].astype(np.uint16) * 255 // np.maximum(alpha, 1)).astype(np.uint8)
    return Image.fromarray(np.dstack([rgb, raw[..., 3]]), "RGBA")


def load_rgba(path, box):
    """RGBA picture of a PNG or SVG file, trimmed to what is visible, or None."""
    if path.endswith(".svg"):
        img = render_svg(path, box)
    else:
        try:
            with Image.open(path) as im:
                img = im.convert("RGBA")
        except Exception:
            return None
    if img is None:
        return None
    bbox = img.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
    if not bbox or bbox[2] - bbox[0] < 3 or bbox[3] - bbox[1] < 3:
        return None
    return img.crop(bbox)


def is_monochrome(img):
    """True for one-colour artwork (symbolic icons): its colour means nothing."""
    a = np.asarray(img.resize((32, 32), BOX), np.int16)
    rgb = a[a[..., 3] > 128][:, :3]
    return len(rgb) > 0 and int((rgb.max(0) - rgb.min(0)).max()) < 24


def paint(img, rgb):
    """The same alpha in one colour."""
    flat = Image.new("RGBA", img.size, tuple(rgb) + (255,))
    flat.putalpha(img.getchannel("A"))
    return flat


def signature(img):
    """16x16 premultiplied RGBA: tells near-identical artwork apart from different."""
    side = max(img.size)
    sq = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    sq.paste(img, ((side - img.width) // 2, (side - img.height) // 2))
    a = np.asarray(sq.resize((16, 16), BOX), np.float32) / 255
    if is_monochrome(img):
        a = a.copy()
        a[..., :3] = 0.5
    a = np.concatenate([a[..., :3] * a[..., 3:], a[..., 3:]], axis=2)
    return a.reshape(-1)


def art_luminance(img):
    a = np.asarray(img.resize((16, 16), BOX), np.float32)
    w = a[..., 3]
    return float((luminance((a[..., 0], a[..., 1], a[..., 2])) * w).sum() / max(w.sum(), 1))



PHOTOS = """
backgrounds/Bridge_by_Sander_Klootwijk.jpg
backgrounds/Dragonfly_by_Bolly.jpg
backgrounds/Kleiber_by_Lukas_Baubkus.jpg
backgrounds/Picture_0B_by_freespace.jpg
backgrounds/Picture_1A_by_freespace.jpg
backgrounds/Wine_by_Jakkub_Mede.jpg
backgrounds/aitzgorri_by_Aitzol_Berasategi.jpg
backgrounds/free_by_Peter_Nerlich.jpg
backgrounds/friends_by_Aitzol_Berasategi.jpg
backgrounds/greentock_by_Peter_Nerlich.jpg
backgrounds/life_by_Aitzol_Berasategi.jpg
backgrounds/picosdeeuropa_by_Aitzol_Berasategi.jpg
backgrounds/seeding_by_Clements_Engelhardt.jpg
backgrounds/sunset_by_Aitzol_Berasategi.jpg
backgrounds/mate/nature/Aqua.jpg
backgrounds/mate/nature/Blinds.jpg
backgrounds/mate/nature/Dune.jpg
backgrounds/mate/nature/FreshFlower.jpg
backgrounds/mate/nature/Garden.jpg
backgrounds/mate/nature/GreenMeadow.jpg
backgrounds/mate/nature/LadyBird.jpg
backgrounds/mate/nature/RainDrops.jpg
backgrounds/mate/nature/Storm.jpg
backgrounds/mate/nature/TwoWings.jpg
backgrounds/mate/nature/Wood.jpg
backgrounds/mate/nature/YellowFlower.jpg
lxqt/wallpapers/Butterfly-Kenneth-Wimer.jpg
lxqt/wallpapers/Valendas.png
lxqt/wallpapers/after-the-rain.jpg
lxqt/wallpapers/appleflower.png
lxqt/wallpapers/beam.png
lxqt/wallpapers/butterfly.png
lxqt/wallpapers/cloud.png
lxqt/wallpapers/drop.png
lxqt/wallpapers/flowers.png
lxqt/wallpapers/fog.jpg
lxqt/wallpapers/this-is-not-windows.jpg
wallpapers/BytheWater/contents/images/2560x1600.jpg
wallpapers/ColdRipple/contents/images/2560x1600.jpg
wallpapers/ColorfulCups/contents/images/2560x1600.jpg
wallpapers/DarkestHour/contents/images/2560x1600.jpg
wallpapers/EveningGlow/contents/images/2560x1600.jpg
wallpapers/FallenLeaf/contents/images/2560x1600.jpg
wallpapers/Grey/contents/images/2560x1600.jpg
wallpapers/Kite/contents/images/2560x1600.jpg
wallpapers/OneStandsOut/contents/images/2560x1600.jpg
wallpapers/Path/contents/images/2560x1600.jpg
wallpapers/summer_1am/contents/images/2560x1600.jpg
""".split()


def photo_paths(args):
    """[(short name, path)] of the listed photographs that are installed."""
    found = []
    for rel in PHOTOS:
        path = os.path.join(args.share, rel)
        if os.path.exists(path):
            parts = rel.split("/")
            name = parts[1] if parts[0] == "wallpapers" else os.path.splitext(parts[-1])[0]
            found.append((name, path))
    if len(found) < 10:
        sys.exit("fewer than 10 of the listed photographs are installed: run install.sh")
    return found


def open_photo(path, limit=None):
    """RGB picture; with `limit`, decoded small (longer side about `limit`)."""
    with Image.open(path) as im:
        if limit and im.format == "JPEG":
            im.draft("RGB", (limit, limit))
        if im.mode == "RGBA":
            flat = Image.new("RGB", im.size, (128, 128, 128))
            flat.paste(im, mask=im.getchannel("A"))
            im = flat
        im = im.convert("RGB")
        if limit and max(im.size) > limit:
            im = im.resize([max(1, round(s * limit / max(im.size))) for s in im.size], BOX)
        return im


class Backgrounds:
    """Photographs in memory, split so that no photograph serves two splits."""

    def __init__(self, args, limit=1000, val_every=4):
        self.names = {"train": [], "val": []}
        self.images = {}
        for i, (name, path) in enumerate(photo_paths(args)):
            self.names["val" if i % val_every == 1 else "train"].append(name)
            self.images[name] = open_photo(path, limit)

    def crop(self, rng, split, w, h):
        img = self.images[rng.choice(self.names[split])]
        fit = min(img.width / w, img.height / h)
        scale = fit * rng.uniform(0.35, 1.0)
        cw, ch = max(1, int(w * scale)), max(1, int(h * scale))
        x, y = rng.randint(0, img.width - cw), rng.randint(0, img.height - ch)
        return img.resize((w, h), BICUBIC, box=(x, y, x + cw, y + ch))


def plain_background(rng, w, h, lum):
    """A flat colour or a two-colour ramp with mean luminance near `lum`."""
    def colour():
        c = [rng.randint(0, 255) for _ in range(3)]
        mix = rng.uniform(0.1, 0.7)                      # mostly pale or dark, some saturated
        c = [mix * v + (1 - mix) * lum for v in c]
        shift = lum - luminance(c)
        return np.clip([v + shift for v in c], 0, 255)
    a = colour()
    if rng.random() < 0.6:
        return Image.new("RGB", (w, h), tuple(int(v) for v in a))
    b = np.clip(a + np.array([rng.uniform(-50, 50) for _ in range(3)]), 0, 255)
    angle = rng.uniform(0, 2 * math.pi)
    yy, xx = np.mgrid[0:h, 0:w]
    t = (xx / w - 0.5) * math.cos(angle) + (yy / h - 0.5) * math.sin(angle)
    t = ((t - t.min()) / max(np.ptp(t), 1e-6))[..., None]
    return Image.fromarray((a * (1 - t) + b * t).astype(np.uint8), "RGB")


def shift_luminance(img, target):
    """Move an image's mean luminance towards target by blending with black/white."""
    mean = float(np.asarray(img.convert("L").resize((16, 16), BOX)).mean())
    if target > mean:
        t = (target - mean) / max(255 - mean, 1)
        return Image.blend(img, Image.new("RGB", img.size, (255, 255, 255)), min(t, 0.85))
    t = (mean - target) / max(mean, 1)
    return Image.blend(img, Image.new("RGB", img.size, (0, 0, 0)), min(t, 0.85))


def contrasting(rng, lum, gap=80):
    """A background luminance at least `gap` from lum."""
    choices = [r for r in ((10, lum - gap), (lum + gap, 245)) if r[1] > r[0]]
    low, high = rng.choice(choices)
    return rng.uniform(low, high)


def place(rng, art, canvas, fill):
    """Paste RGBA art at a random place; its longer side is fill * the shorter side."""
    w, h = canvas.size
    scale = fill * min(w, h) / max(art.size)
    art = art.resize([max(1, round(s * scale)) for s in art.size], BICUBIC if scale > 1 else BOX)
    canvas.paste(art, (rng.randint(0, w - art.width), rng.randint(0, h - art.height)), art)
