#!/usr/bin/env python3
"""expect.py FOLDER >FOLDER/expected.txt: what the pixels of the folder's PNG files are, by a reader of its own (zlib alone is not ours).

A line a file: name, width, height, CRC-32 of the rows of red, green, blue bytes laid over black, and over #204060. Of 16 bits the upper 8
count; transparent pixels are mixed in 8 bits and rounded. tests/data/test_png compares."""
import pathlib
import struct
import sys
import zlib

BACKGROUNDS = (0, 0, 0), (0x20, 0x40, 0x60)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)


def chunks(data):
    at = 8
    while at < len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + size]
        at += size + 12


def unfilter(raw, at, rows, row_bytes, step):
    """Rows of bytes from filtered ones, and where they end."""
    above, out = bytearray(row_bytes), []
    for _ in range(rows):
        kind, line = raw[at], bytearray(raw[at + 1:at + 1 + row_bytes])
        for i in range(row_bytes):
            left, up, corner = line[i - step] if i >= step else 0, above[i], above[i - step] if i >= step else 0
            if kind == 4:
                p = left + up - corner
                near = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            line[i] = line[i] + (0, left, up, (left + up) // 2, near if kind == 4 else 0)[kind] & 255
        out.append(line)
        above = line
        at += 1 + row_bytes
    return out, at


def values(line, count, depth):
    if depth == 8:
        return list(line[:count])
    if depth == 16:
        return [line[2 * i] << 8 | line[2 * i + 1] for i in range(count)]
    return [line[i * depth // 8] >> (8 - depth - i * depth % 8) & (1 << depth) - 1 for i in range(count)]


def read(path):
    """(width, height, rows of (red, green, blue, alpha) of 8 bits)"""
    packed, palette, clear = b"", b"", None
    for name, body in chunks(path.read_bytes()):
        if name == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        elif name == b"PLTE":
            palette = body
        elif name == b"tRNS":
            clear = body
        elif name == b"IDAT":
            packed += body
    raw, at, samples = zlib.decompress(packed), 0, SAMPLES[colour]
    grid = [[None] * width for _ in range(height)]
    for x0, y0, dx, dy in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = range(x0, width, dx), range(y0, height, dy)
        if not columns or not rows:
            continue
        lines, at = unfilter(raw, at, len(rows), (len(columns) * samples * depth + 7) // 8, max(1, samples * depth // 8))
        for y, line in zip(rows, lines):
            numbers = values(line, len(columns) * samples, depth)
            for i, x in enumerate(columns):
                grid[y][x] = tuple(numbers[i * samples:(i + 1) * samples])

    def byte(v):
        return v >> 8 if depth == 16 else v * 255 // ((1 << depth) - 1)

    def pixel(v):
        if colour == 3:
            return (*palette[3 * v[0]:3 * v[0] + 3], clear[v[0]] if clear and v[0] < len(clear) else 255)
        alpha = byte(v[-1]) if colour in (4, 6) else 255
        if clear and colour in (0, 2):
            alpha = 0 if v == struct.unpack(f">{samples}H", clear) else 255
        grey = colour in (0, 4)
        return (byte(v[0]), byte(v[0] if grey else v[1]), byte(v[0] if grey else v[2]), alpha)
    return width, height, [[pixel(v) for v in row] for row in grid]


for path in sorted(pathlib.Path(sys.argv[1]).glob("*.png")):
    width, height, rows = read(path)
    sums = []
    for ground in BACKGROUNDS:
        flat = bytes((p[c] * p[3] + ground[c] * (255 - p[3]) + 127) // 255 for row in rows for p in row for c in range(3))
        sums.append(f"{zlib.crc32(flat):08x}")
    print(path.name, width, height, *sums)
