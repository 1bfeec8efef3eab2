"""glyphs (upstream) and the scripts held out of it: class = character, split by font family."""
import json
import math
import os
import re
import sys
import unicodedata
from collections import Counter, defaultdict

import numpy as np
from PIL import Image, ImageFont

from tools import (BICUBIC, BOX, contrasting, DisjointSets, jpeg_bytes, log, NearDuplicates, rng_for, round_robin,
                   SetWriter)


def char_range(first, last, skip=""):
    return [chr(c) for c in range(ord(first), ord(last) + 1)
            if unicodedata.category(chr(c))[0] in "LNPS" and chr(c) not in skip]


UPSTREAM_SCRIPTS = {
    "latin": char_range("A", "Z") + char_range("a", "z"),
    "digit": char_range("0", "9"),
    "latin1": char_range("\u00c0", "\u00ff", "\u00d7\u00f7"),
    "punctuation": list("!?&@#$%*+/=<>[]{}()") + list("\u00a7\u00b6\u00a9\u00ae\u20ac\u00a3\u00a5\u00b5\u00bf\u00a1\u00ab\u00bb\u2020\u2021"),
    "hebrew": char_range("\u05d0", "\u05ea"),
    "arabic": char_range("\u0621", "\u064a", "\u063b\u063c\u063d\u063e\u063f\u0640"),
    "thai": char_range("\u0e01", "\u0e2e"),
    # plain-sized kana without the voiced (dakuten) doubles
    "hiragana": list("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"),
    "katakana": list("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"),
}
# Held out of the upstream set altogether; letters that look Latin are left out.
DOWNSTREAM_SCRIPTS = {
    "greek": list("ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμνξπρστυφχψω"),
    "cyrillic": list("БГДЖЗИЙЛПФЦЧШЩЪЫЬЭЮЯбвгджзийклмнптфцчшщъыьэюя"),
    "georgian": char_range("\u10d0", "\u10f0"),
    "hangul": list("가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"),
}
STYLE_WORDS = re.compile(r"\b(regular|bold|italic|oblique|light|medium|thin|black|heavy|semi|demi|extra|ultra|"
                         r"condensed|extended|narrow|wide|book|roman|mono|sans|serif|display|text|caption|pro|std|"
                         r"otf|ttf|outline|shadow|solid|hollow|beveled|brk|\d+)\b", re.I)


class Face:
    """One font face: file, index inside the file, family and what it covers."""

    def __init__(self, path, index, family, chars):
        self.path, self.index, self.family, self.chars = path, index, family, chars
        self.group = None
        self._big = None

    def font(self, size):
        return ImageFont.truetype(self.path, size, index=self.index, layout_engine=ImageFont.Layout.BASIC)

    def mask(self, ch, size=64):
        """(L image of the ink, its left and top relative to pen and baseline) or None."""
        if self._big is None or self._big[0] != size:
            font = self.font(size)
            self._big = size, font, font.getmetrics()[0], bytes(font.getmask("\uffff"))
        _, font, ascent, missing = self._big
        try:
            core, offset = font.getmask2(ch, "L", anchor="ls")
        except (OSError, ValueError):
            return None
        w, h = core.size
        if w < 2 or h < 2 or bytes(core) == missing:
            return None
        img = Image.frombytes("L", (w, h), bytes(core))
        box = img.getbbox()
        if not box or box[2] - box[0] < 2 or box[3] - box[1] < 2:
            return None
        return img.crop(box), offset[0] + box[0], offset[1] + box[1]


def squared(ink, side=24):
    """Ink centred in a square, scaled to side x side, as 0..1 floats."""
    s = max(ink.size)
    sq = Image.new("L", (s, s), 0)
    sq.paste(ink, ((s - ink.width) // 2, (s - ink.height) // 2))
    return np.asarray(sq.resize((side, side), BOX), np.float32) / 255


def scan_fonts(args):
    from fontTools.ttLib import TTCollection, TTFont
    import logging
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    wanted = {c for s in (UPSTREAM_SCRIPTS, DOWNSTREAM_SCRIPTS) for chars in s.values() for c in chars}
    files = {}
    for folder, dirs, names in os.walk(os.path.join(args.share, "fonts")):
        dirs.sort()
        for n in sorted(names):
            path = os.path.join(folder, n)
            stem, ext = os.path.splitext(n.lower())
            if ext in (".ttf", ".otf", ".ttc") and not os.path.islink(path):
                files.setdefault(stem, path)                    # the same font as .otf and .ttf: keep one
    faces = []
    for path in sorted(files.values()):
        try:
            count = len(TTCollection(path, lazy=True).fonts) if path.lower().endswith(".ttc") else 1
            for index in range(count):
                font = TTFont(path, fontNumber=index, lazy=True)
                if "glyf" not in font and "CFF " not in font and "CFF2" not in font:
                    continue                                    # bitmap only
                chars = {chr(c) for c in (font.getBestCmap() or {})} & wanted
                name = font["name"]
                family = str(name.getDebugName(16) or name.getDebugName(1) or os.path.basename(path))
                if chars:
                    faces.append(Face(path, index, family, chars))
        except Exception as e:                                  # some old fonts are malformed
            log("font skipped:", os.path.basename(path), type(e).__name__)
    return faces


def drop_dingbats(faces, minimum=0.15):
    """Drop faces whose 'letters' are not letters.

    Picture fonts map drawings to A-Z.  Each face's letters and digits are matched
    to the mean shapes over all faces; a face that names fewer than `minimum` of
    its characters right is dropped.  Case is ignored: many fonts have one case.
    """
    chars = UPSTREAM_SCRIPTS["latin"] + UPSTREAM_SCRIPTS["digit"]
    shapes = {}
    for i, f in enumerate(faces):
        got = {c: f.mask(c, 32) for c in chars if c in f.chars}
        got = {c: squared(m[0], 16).reshape(-1) for c, m in got.items() if m}
        if len(got) >= 20:
            shapes[i] = got
    means = np.zeros((len(chars), 256), np.float32)
    for k, c in enumerate(chars):
        rows = [s[c] for s in shapes.values() if c in s]
        if rows:
            m = np.mean(rows, axis=0)
            means[k] = (m - m.mean()) / max(np.linalg.norm(m - m.mean()), 1e-6)
    bad = set()
    for i, got in shapes.items():
        right = 0
        for c, v in got.items():
            right += chars[int(np.argmax(means @ (v - v.mean())))].lower() == c.lower()
        if right < minimum * len(got):
            bad.add(i)
    return [f for i, f in enumerate(faces) if i not in bad], [faces[i].family for i in sorted(bad)]


def group_faces(faces, threshold=0.035):
    """Set face.group so that related faces share it.

    Faces are joined when their family names start with the same word (DejaVu
    Sans / Serif / Mono, Noto ...) or when seven of their glyphs look the same
    (clones of one design under several names).
    """
    sets = DisjointSets()
    probe = "aegRQG2"
    alternatives = ("אבגל", "あのカキ", "กขฬ", "عسف", "가나도", "აბჯ")
    looks = defaultdict(list)
    for i, f in enumerate(faces):
        word = STYLE_WORDS.sub("", f.family.lower()).split()
        sets.union("face%d" % i, "family " + (word[0] if word else f.family.lower()))
        for text in (probe,) + alternatives:
            marks = [f.mask(c, 32) if c in f.chars else None for c in text]
            if all(marks):
                looks[text].append((i, np.concatenate([squared(m[0], 16).reshape(-1) for m in marks])))
    for rows in looks.values():
        matrix = np.stack([r[1] for r in rows])
        for k, (i, row) in enumerate(rows):
            near = np.abs(matrix[k + 1:] - row).mean(axis=1) < threshold
            for j in np.flatnonzero(near):
                sets.union("face%d" % i, "face%d" % rows[k + 1 + j][0])
    for i, f in enumerate(faces):
        f.group = sets.find("face%d" % i)
    names = {}
    for f in faces:
        names.setdefault(f.group, f.family)
    for f in faces:
        f.group = names[f.group]


def split_groups(args, faces, share=0.2):
    """{group: 'train' | 'val'}: about `share` of every script's faces in val."""
    scripts = dict(UPSTREAM_SCRIPTS, **DOWNSTREAM_SCRIPTS)
    covers = {s: Counter() for s in scripts}
    for f in faces:
        for s, chars in scripts.items():
            if sum(c in f.chars for c in chars) >= 0.8 * len(chars):
                covers[s][f.group] += 1
    split = {}
    # rare scripts first, so that each gets a fair part of its few groups
    for s in sorted(scripts, key=lambda s: len(covers[s])):
        groups = sorted(covers[s])
        rng_for(args.seed, "fonts", s).shuffle(groups)
        total = sum(covers[s].values())
        have = sum(n for g, n in covers[s].items() if split.get(g) == "val")
        for g in groups:
            if g not in split:
                # a group too large for what val still lacks goes to train
                split[g] = "val" if have + covers[s][g] <= share * total + 1 else "train"
                have += covers[s][g] * (split[g] == "val")
    for f in faces:
        split.setdefault(f.group, "train")
    return split


# Scripts with capitals are scaled by a reference letter and stand on a baseline,
# so that c and C stay different; the others are scaled by their usual extent and centred.
REFERENCE_LETTER = {"latin": "H", "digit": "8", "latin1": "H", "punctuation": "H", "greek": "Ω", "cyrillic": "Ж"}
SCRIPT_OF = {c: s for table in (DOWNSTREAM_SCRIPTS, UPSTREAM_SCRIPTS) for s, chars in table.items() for c in chars}


def reference_size(face, ch):
    """Pixels, at font size 64, of what the character is scaled by; None when the face lacks it."""
    script = SCRIPT_OF[ch]
    sample = REFERENCE_LETTER.get(script) or (DOWNSTREAM_SCRIPTS.get(script) or UPSTREAM_SCRIPTS[script])[::6]
    masks = [face.mask(c) for c in sample if c in face.chars]
    sizes = [m[0].height if script in REFERENCE_LETTER else max(m[0].size) for m in masks if m]
    return float(np.median(sizes)) if sizes else None


def compose_glyph(rng, face, ch, reference):
    """A grey picture of one character on a plain ground."""
    side = rng.randint(32, 64)
    ink, left, top = face.mask(ch)
    on_baseline = SCRIPT_OF[ch] in REFERENCE_LETTER
    scale = (rng.uniform(0.48, 0.60) if on_baseline else rng.uniform(0.56, 0.76)) * side / reference
    scale = min(scale, 0.88 * side / max(ink.size))
    w, h = max(1, round(ink.width * scale)), max(1, round(ink.height * scale))
    ink = ink.resize((w, h), BICUBIC if scale > 1 else BOX)
    x = (side - w) / 2 + rng.uniform(-0.06, 0.06) * side
    y = 0.74 * side + top * scale if on_baseline else (side - h) / 2
    y += rng.uniform(-0.05, 0.05) * side
    margin = 0.05 * side
    x, y = (round(min(max(v, margin), side - margin - s)) for v, s in ((x, w), (y, h)))
    layer = Image.new("L", (side, side), 0)
    layer.paste(ink, (x, y))
    if rng.random() < 0.5:
        layer = layer.rotate(rng.uniform(-8, 8), BICUBIC)
    fore = rng.uniform(0, 255)
    back = contrasting(rng, fore, 90)
    ground = np.full((side, side), back, np.float32)
    if rng.random() < 0.4:
        yy, xx = np.mgrid[0:side, 0:side] / side - 0.5
        a = rng.uniform(0, 2 * math.pi)
        ground += rng.uniform(10, 50) * (xx * math.cos(a) + yy * math.sin(a))
    a = np.asarray(layer, np.float32) / 255
    grey = ground * (1 - a) + fore * a
    if rng.random() < 0.5:
        noise = np.frombuffer(rng.randbytes(side * side), np.int8).reshape(side, side)
        grey = grey + noise / 128.0 * rng.uniform(3, 14)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8), "L").convert("RGB")


def class_of(ch):
    return "U%04X" % ord(ch)


def one_case(face):
    """True where the small letters are drawn as capitals."""
    same = tested = 0
    for up, low in zip("ABDEGHNQR", "abdeghnqr"):
        if up in face.chars and low in face.chars:
            a, b = face.mask(up, 32), face.mask(low, 32)
            if a and b:
                tested += 1
                same += np.abs(squared(a[0], 16) - squared(b[0], 16)).mean() < 0.05
    return tested >= 4 and same > tested / 2


def load_faces(args):
    """(faces, {group: split}, notes), computed once for all glyph sets of a run."""
    if not hasattr(args, "_faces"):
        faces = scan_fonts(args)
        total = len(faces)
        faces, pictures = drop_dingbats(faces)
        group_faces(faces)
        for f in faces:
            if one_case(f):
                f.chars -= set("abcdefghijklmnopqrstuvwxyz")
        args._faces = faces, split_groups(args, faces), {
            "faces_found": total, "faces_used": len(faces), "picture_fonts_dropped": len(pictures),
            "font_groups": len({f.group for f in faces})}
        log("fonts:", json.dumps(args._faces[2]), "dropped:", ", ".join(pictures[:12]), "...")
    return args._faces


def write_glyphs(args, name, chars, splits, caps):
    """splits: names of the two written splits, for train and held-out font groups."""
    faces, split, notes = load_faces(args)
    if len(faces) < 100:
        sys.exit("too few fonts are installed: run install.sh")
    describe = {class_of(c): "%s %s" % (c, unicodedata.name(c, "")) for c in chars}
    writer = SetWriter(args.out, name, [])
    small = 0
    for ch in chars:
        chosen = []
        dup = NearDuplicates(0.02)
        for which, out_split, cap, need in zip(("train", "val"), splits, caps, (args.min_train, args.min_val)):
            by_group = defaultdict(list)
            for f in faces:
                if ch in f.chars and split[f.group] == which:
                    by_group[f.group].append(f)
            part = []
            for g in by_group:
                rng_for(args.seed, ch, g).shuffle(by_group[g])
            order = sorted(by_group)
            rng_for(args.seed, ch, which).shuffle(order)
            for f in round_robin([by_group[g] for g in order]):
                if len(part) == cap:
                    break
                m = f.mask(ch, 32)
                reference = reference_size(f, ch) if m else None
                if reference and f.mask(ch) and dup.add(squared(m[0], 16).reshape(-1)):
                    part.append((f, reference))
            if len(part) < need:
                chosen = None
                break
            chosen.append((out_split, part))
        if chosen is None:
            small += 1
            continue
        cls = class_of(ch)
        writer.label[cls] = len(writer.classes)
        writer.classes.append(cls)
        for out_split, part in chosen:
            for f, reference in part:
                source = os.path.relpath(f.path, args.share) + ("#%d" % f.index if f.index else "")
                rng = rng_for(args.seed, name, ch, source)
                writer.add(out_split, cls, jpeg_bytes(compose_glyph(rng, f, ch, reference), rng.randint(80, 95)),
                           f.group, source)
    writer.desc = describe
    writer.finish(classes_too_small=small, **notes)


def build_glyphs(args):
    chars = [c for cs in UPSTREAM_SCRIPTS.values() for c in cs]
    write_glyphs(args, "glyphs", chars, ("train", "val"), (args.cap_glyph_train, args.cap_glyph_val))


def build_scripts(args):
    for name, chars in DOWNSTREAM_SCRIPTS.items():
        write_glyphs(args, name, chars, ("train", "test"), (100, 40))
