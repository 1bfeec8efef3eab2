#!/usr/bin/env python3
"""resized.py FOLDER >resized.txt: parts of the folder's pictures as Pillow and TensorFlow resize them; tests/data/test_resize compares.

A line a case: filter, file, window (first, length, low, high of x, then of y: see src/data/augment.h), size, numbers. antialias: the CRC-32 of
the bytes that Pillow's BILINEAR gives. bilinear: red, green, blue of each pixel by TensorFlow's formula (half-pixel centres, no antialias)."""
import pathlib
import sys
import zlib

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])


def pictures():
    """(file, picture, window of x and of y as (first, length, low, high), size, what Pillow gives)"""
    for name in "pillow-rgb.png", "pillow-large.png", "basn2c08.png":
        picture = Image.open(folder / name).convert("RGB")
        width, height = picture.size
        for size in 5, 8, 16, 23, 40:  # the whole picture, whatever its aspect
            whole = picture.resize((size, size), Image.BILINEAR)
            yield name, picture, (0.0, width, 0, width - 1), (0.0, height, 0, height - 1), size, whole
        for x, y, w, h, size in (3, 2, 9, 7, 6), (1, 1, 15, 15, 15), (0, 0, width, 4, 3):  # a crop, which nothing beside it reaches
            part = picture.crop((x, y, x + w, y + h)).resize((size, size), Image.BILINEAR)
            yield name, picture, (float(x), w, x, x + w - 1), (float(y), h, y, y + h - 1), size, part
        for across, down, left, top, size in (20, 14, 5, 3, 8), (61, 50, 13, 2, 30):  # a square of the resized picture
            part = picture.resize((across, down), Image.BILINEAR).crop((left, top, left + size, top + size))
            yield (name, picture, (left * width / across, size * width / across, 0, width - 1),
                   (top * height / down, size * height / down, 0, height - 1), size, part)


def between(values, axis, window, size):
    first, length, low, high = window
    at = numpy.clip(first + (numpy.arange(size) + 0.5) * length / size - 0.5, low, high)
    left = numpy.floor(at).astype(int)
    shape = [1, 1, 1]
    shape[axis] = size
    share = (at - left).reshape(shape)
    return values.take(left, axis) * (1 - share) + values.take(numpy.minimum(left + 1, high), axis) * share


for name, picture, x, y, size, pillow in pictures():
    window = " ".join(map(repr, (*x, *y)))
    print("antialias", name, window, size, f"{zlib.crc32(pillow.tobytes()):08x}")
    if size < 7:
        values = between(between(numpy.asarray(picture).astype(float), 1, x, size), 0, y, size)
        print("bilinear", name, window, size, *(f"{v:.3f}" for v in values.flatten()))
