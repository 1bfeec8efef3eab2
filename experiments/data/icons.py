"""icons (upstream): class = icon name, split by theme family."""
import os
import re
import sys
from collections import Counter, defaultdict

import numpy as np

from tools import (art_luminance, Backgrounds, contrasting, is_monochrome, jpeg_bytes, load_rgba, log, NearDuplicates,
                   paint, place, plain_background, rng_for, round_robin, SetWriter, sha1, shift_luminance, signature)

# Themes that share artwork are one family; families, not themes, are split.
ICON_FAMILIES = (
    ("gnome", ("gnome", "mate", "menta", "Tango", "Humanity")),
    ("faenza", ("Faenza", "Obsidian")),
    ("paper", ("Paper", "Papirus", "ePapirus", "Moka", "Faba", "Mint-Y")),
    ("deepin", ("bloom", "Sea", "Vintage")),
    ("ukui", ("ukui", "blue-crystal", "dark-sense")),
    ("adwaita", ("Adwaita",)),
    ("yaru", ("Yaru", "suru")),
    ("breeze", ("breeze",)),
    ("highcontrast", ("HighContrast",)),
    ("lxde", ("nuoveXT2",)),
    ("nuovo", ("Nuovo",)),
    ("gartoon", ("gartoon",)),
    ("suede", ("Suede",)),
    ("yasis", ("yasis",)),
    ("sugar", ("sugar",)),
    ("oxygen", ("oxygen",)),
    ("elementary", ("elementary",)),
    ("numix", ("Numix",)),
)
ICON_VAL_FAMILIES = ("oxygen", "elementary", "numix")
LEGACY_NAME = re.compile(r"(gtk|stock|gnome-(stock|mime|fs|dev|fallback)|mate-(stock|mime|fs|dev)|"
                         r"xfce4?|kfm|redhat|package_settings|folder-symbolic)[-_]|.*(-rtl|-ltr|\.rtl|-dark|-light)$")


def icon_family(theme):
    for family, prefixes in ICON_FAMILIES:
        if theme.startswith(prefixes):
            return family
    return None


def icon_size(rel):
    m = re.search(r"(\d+)x\d+", rel) or re.search(r"(?:^|/)(\d+)(?:/|$)", rel)
    return int(m.group(1)) if m else 0


def index_icons(args):
    """{content hash: {family, theme, size, path, real names, all names}}"""
    base = os.path.join(args.share, "icons")
    contents = {}
    hashes = {}
    for theme in sorted(os.listdir(base)) if os.path.isdir(base) else ():
        family = icon_family(theme)
        if family is None or os.path.islink(os.path.join(base, theme)):
            continue
        for folder, dirs, files in os.walk(os.path.join(base, theme)):
            dirs.sort()
            rel = os.path.relpath(folder, os.path.join(base, theme))
            size = icon_size(rel)
            for f in sorted(files):
                stem, ext = os.path.splitext(f)
                if ext not in (".png", ".svg") or (ext == ".png" and 0 < size < 24):
                    continue
                name = re.sub(r"-symbolic$", "", stem)
                if LEGACY_NAME.match(name):
                    continue
                path = os.path.join(folder, f)
                real = os.path.realpath(path)
                if real not in hashes:
                    try:
                        with open(real, "rb") as fh:
                            data = fh.read()
                    except OSError:
                        continue
                    hashes[real] = sha1(data) if len(data) < 400_000 else None
                h = hashes[real]
                if h is None:
                    continue
                c = contents.setdefault(h, {"family": family, "theme": theme, "size": size, "path": real,
                                            "real": set(), "names": set()})
                c["names"].add(name)
                if not os.path.islink(path):
                    c["real"].add(name)
    return contents


def assign_icon_names(contents, accept):
    """Give every piece of artwork at most one class.

    The same file often has several names (symlinks, copies).  It goes to a name
    it really has as a file before one it is only linked from, and to the name
    that most families use.  Names left with too little are dropped and their
    artwork is offered again, until nothing changes.
    """
    support = defaultdict(set)
    for h, c in contents.items():
        for n in c["names"]:
            support[n].add(h)
    alive = {n for n, hs in support.items() if accept(contents[h] for h in hs)}
    while True:
        families = {n: len({contents[h]["family"] for h in support[n]}) for n in alive}
        rank = {n: (-families[n], -len(support[n]), n) for n in alive}
        classes = defaultdict(list)
        for h, c in contents.items():
            names = [n for n in (c["real"] & alive)] or [n for n in (c["names"] & alive)]
            if names:
                classes[min(names, key=rank.get)].append(h)
        weak = {n for n in alive if not accept(contents[h] for h in classes.get(n, ()))}
        if not weak:
            return classes
        # Dropping all weak names at once would lose pairs of names that are each
        # other's alias: drop the less used half, then look again.
        weak = sorted(weak, key=rank.get)
        alive -= set(weak[len(weak) // 2:])


def icon_classes(args, contents):
    """[(class, train hashes, val hashes)], the best supported first."""
    def is_val(c):
        return c["family"] in ICON_VAL_FAMILIES

    def accept(cs):
        train_families, train, val = set(), 0, 0
        for c in cs:
            if is_val(c):
                val += 1
            else:
                train += 1
                train_families.add(c["family"])
        return train >= args.min_train and val >= args.min_val and len(train_families) >= 3

    classes = assign_icon_names(contents, accept)
    order = sorted(classes, key=lambda n: (-len({contents[h]["family"] for h in classes[n]}), -len(classes[n]), n))
    result = []
    for n in order:
        parts = ([], [])
        for h in classes[n]:
            parts[is_val(contents[h])].append(h)
        # every family in turn, and within it every theme in turn, large sizes first
        turn = []
        for part in parts:
            by_family = defaultdict(lambda: defaultdict(list))
            for h in sorted(part, key=lambda h: (-min(contents[h]["size"] or 256, 256), contents[h]["path"])):
                by_family[contents[h]["family"]][contents[h]["theme"]].append(h)
            lists = [list(round_robin([ts[t] for t in sorted(ts)])) for _, ts in sorted(by_family.items())]
            turn.append(list(round_robin(lists)))
        result.append((n, turn[0], turn[1]))
    return result


def compose_icon(rng, art, split, backgrounds, large):
    short = rng.randint(96, 160) if large else 64
    aspect = rng.uniform(1.0, 1.34) if large else 1.0
    w, h = (round(short * aspect), short) if rng.random() < 0.5 else (short, round(short * aspect))
    if is_monochrome(art):
        grey = rng.choice((rng.randint(0, 70), rng.randint(185, 255)))
        art = paint(art, [int(np.clip(grey + rng.uniform(-60, 60), 0, 255)) for _ in range(3)])
    target = contrasting(rng, art_luminance(art))
    if rng.random() < 0.35:
        canvas = shift_luminance(backgrounds.crop(rng, split, w, h), target)
    else:
        canvas = plain_background(rng, w, h, target)
    place(rng, art, canvas, rng.uniform(0.6, 0.95))
    return canvas


def build_icons(args):
    contents = index_icons(args)
    candidates = icon_classes(args, contents)
    log("icons: %d pieces of artwork, %d candidate classes" % (len(contents), len(candidates)))
    if not candidates:
        sys.exit("too few icon themes are installed: run install.sh")
    backgrounds = Backgrounds(args)
    kept, skipped = [], Counter()
    writer = SetWriter(args.out, "icons", [])
    for name, train, val in candidates:
        if len(kept) == args.classes:
            break
        # A val picture must differ more from everything before it than a train one:
        # train may keep one design drawn at two sizes, val may not repeat train.
        dup = NearDuplicates(0.008)
        chosen = {"train": [], "val": []}
        for split, hashes, cap, gap in (("train", train, args.cap_train, 0.008), ("val", val, args.cap_val, 0.02)):
            for h in hashes:
                if len(chosen[split]) == cap:
                    break
                c = contents[h]
                art = load_rgba(c["path"], 128)
                sig = signature(art) if art is not None else None
                if sig is None or max(art.size) < 16 or sig.reshape(-1, 4)[:, 3].mean() < 0.04:
                    skipped["unreadable or nearly invisible"] += 1
                elif not dup.add(sig, gap):
                    skipped["near duplicate in " + split] += 1
                else:
                    chosen[split].append((c, art))
        if len(chosen["train"]) < args.min_train or len(chosen["val"]) < args.min_val:
            skipped["class too small after de-duplication"] += 1
            continue
        writer.label[name] = len(kept)
        writer.classes.append(name)
        kept.append(name)
        for split, items in chosen.items():
            for c, art in items:
                source = os.path.relpath(c["path"], args.share)
                for view in range(args.views if split == "train" else 1):
                    rng = rng_for(args.seed, "icons", source, view)
                    img = compose_icon(rng, art, split, backgrounds, not args.small)
                    writer.add(split, name, jpeg_bytes(img, rng.randint(80, 95)), c["family"], source)
        if len(kept) % 100 == 0:
            log("icons: %d classes, %d images" % (len(kept), sum(writer.count.values())))
    writer.finish(val_groups=list(ICON_VAL_FAMILIES), skipped=dict(skipped))
