#!/usr/bin/python3
"""Builds the sets of the experiments: real, labelled pictures out of ordinary Debian packages.

Nothing is downloaded here and no trained model is used: the pictures are the icon themes, fonts, clip art, photo stamps
and wallpapers that Debian packages ship (see install.sh).

    build_datasets.py icons --out sets        one set
    build_datasets.py all   --out sets        every set

Every classification set is written as

    OUT/SET/SPLIT/CLASS/NUMBER.jpg        baseline JPEG, 4:2:0
    OUT/SET/classes.txt                   label <TAB> class <TAB> description
    OUT/SET/SPLIT.txt                     path <TAB> label
    OUT/SET/SPLIT.csv                     path,label,class,group,source
    OUT/SET/summary.json                  counts, bytes, seconds, settings

where group is the unit the split was made on (icon theme, font family, stamp): no group is in two splits. detection is a
folder of scenes with COCO annotations. The same packages, seed and options give the same bytes. --root lets the packages
be unpacked somewhere else than /.
"""
import argparse
import os

import glyphs
import icons
import pictures

BUILDERS = {"icons": icons.build_icons, "glyphs": glyphs.build_glyphs, "scripts": glyphs.build_scripts,
            "stamps": pictures.build_stamps, "clipart": pictures.build_clipart, "detection": pictures.build_detection}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="+", choices=["all"] + list(BUILDERS))
    p.add_argument("--out", default="sets", help="output folder (default: sets)")
    p.add_argument("--root", default="/", help="where the packages are unpacked (default: /)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--min-train", type=int, default=20, help="a class needs so many different train pictures")
    p.add_argument("--min-val", type=int, default=3)
    p.add_argument("--classes", type=int, default=1000, help="icons: at most so many classes")
    p.add_argument("--cap-train", type=int, default=64, help="icons: at most so many different pieces per class")
    p.add_argument("--cap-val", type=int, default=12)
    p.add_argument("--views", type=int, default=2, help="icons: train pictures per piece of artwork")
    p.add_argument("--small", action="store_true", help="icons: 64x64 instead of 96..214 pixels")
    p.add_argument("--cap-glyph-train", type=int, default=200, help="glyphs: at most so many fonts per character")
    p.add_argument("--cap-glyph-val", type=int, default=40)
    p.add_argument("--stamp-views", type=int, default=4, help="stamps: train pictures per stamp")
    p.add_argument("--scenes", type=int, default=1000, help="detection: train pictures; a fifth as many for val")
    args = p.parse_args()
    args.share = os.path.realpath(os.path.join(args.root, "usr", "share"))
    for what in [w for word in args.what for w in (BUILDERS if word == "all" else [word])]:
        BUILDERS[what](args)


if __name__ == "__main__":
    main()
