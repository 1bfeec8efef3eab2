#!/usr/bin/python3
"""The peer of `bit bench decode`: the input pipeline of BiT in torchvision and Pillow (Debian: python3-torchvision).

torch_decode.py FOLDER [--size 224] [--count N] [--repeat K]: every JPEG file below FOLDER, Inception crop, bilinear resize,
mirror, tensor scaled to [-1, 1], in one thread. Last line, as that of bit: images/s (median pass; files in the page cache).
"""
import argparse
import pathlib
import time

import torch
import torchvision.transforms as T
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--size", type=int, default=224)
parser.add_argument("--count", type=int, default=300, help="files of a pass")
parser.add_argument("--repeat", type=int, default=3, help="passes")
a = parser.parse_args()
torch.set_num_threads(1)
files = sorted(p for p in a.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))[:a.count]
if not files:
    parser.error(f"{a.folder}: no JPEG files")
pipeline = T.Compose([T.RandomResizedCrop(a.size, scale=(0.05, 1.0), ratio=(0.75, 4 / 3)), T.RandomHorizontalFlip(),
                      T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])
rates = []
for _ in range(a.repeat + 1):  # the first one warms up
    start = time.perf_counter()
    for file in files:
        with Image.open(file) as image:
            pipeline(image.convert("RGB"))
    rates.append(len(files) / (time.perf_counter() - start))
rates = sorted(rates[1:])
print(f"torchvision: {len(files)} files, crops of {a.size}, one thread, {a.repeat} passes")
print(f"images/s: {rates[len(rates) // 2]:.1f}")
