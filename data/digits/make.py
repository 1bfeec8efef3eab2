#!/usr/bin/env python3
"""Writes the digits as JPEG folders train/<class>/ and val/<class>/ (see ATTRIBUTION).

    make.py [--source digits.csv.gz] [--out FOLDER]

Reads scikit-learn's copy of the table (Debian: package python3-sklearn), enlarges each 8x8 picture to 32x32
(bilinear) and encodes it as a grey baseline JPEG. Only the standard library and whole numbers are used, so that the
same table gives the same bytes everywhere.
"""
import argparse
import csv
import gzip
import hashlib
import math
import pathlib
import sys

SOURCE = "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz"
SEED = 1998          # of the split
VAL_SHARE = 5        # one fifth of each class is for validation
SIDE, SCALE = 8, 4

# Order in which the coefficients of a block are stored.
ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i % 8 if (i // 8 + i % 8) % 2 == 0 else i // 8))
# Fine steps at low frequencies, coarser ones at high frequencies: errors stay below what an eye sees.
QUANTISER = [2 + i // 8 + i % 8 for i in range(64)]
# Cosines times 2^13; the products are exact whole numbers.
COSINE = [[round(8192 * math.cos((2 * x + 1) * u * math.pi / 16) * (math.sqrt(0.125) if u == 0 else 0.5))
           for x in range(8)] for u in range(8)]


def enlarge(cells):
    """8x8 numbers 0..16 to 32x32 numbers 0..255, bilinear between cell centres."""
    size = SIDE * SCALE
    taps = []
    for i in range(size):
        position = 2 * i + 1 - SCALE                       # distance from the first centre, in 1 / (2 SCALE) cells
        low, rest = divmod(position, 2 * SCALE)
        taps.append((max(low, 0), min(low + 1, SIDE - 1), rest))
    whole = 2 * SCALE
    rows = [[cells[8 * y + a] * (whole - t) + cells[8 * y + b] * t for a, b, t in taps] for y in range(SIDE)]
    unit = 16 * whole * whole                              # what a full cell adds up to
    return [[((rows[a][x] * (whole - t) + rows[b][x] * t) * 255 * 2 + unit) // (2 * unit) for x in range(size)]
            for a, b, t in taps]


def divide(a, b):
    """a / b to the nearest whole number, halves away from zero."""
    return (2 * a + b) // (2 * b) if a >= 0 else -((-2 * a + b) // (2 * b))


def transform(block):
    """Quantised DCT coefficients of 8x8 samples, in zigzag order."""
    half = [[sum(COSINE[u][x] * (row[x] - 128) for x in range(8)) for u in range(8)] for row in block]
    full = [sum(COSINE[v][y] * half[y][u] for y in range(8)) for v in range(8) for u in range(8)]
    return [divide(full[i], QUANTISER[i] << 26) for i in ZIGZAG]


def symbols(coefficients, previous):
    """(table, symbol, bits, number of bits) of a block: table 0 for the mean, 1 for the rest."""
    def bits(value):
        length = abs(value).bit_length()
        return (value if value >= 0 else value + (1 << length) - 1), length

    value, length = bits(coefficients[0] - previous)
    yield 0, length, value, length
    zeros = 0
    last = max((i for i in range(1, 64) if coefficients[i]), default=0)
    for c in coefficients[1:last + 1]:
        if c == 0:
            zeros += 1
            continue
        while zeros > 15:
            yield 1, 0xF0, 0, 0
            zeros -= 16
        value, length = bits(c)
        yield 1, zeros << 4 | length, value, length
        zeros = 0
    if last < 63:
        yield 1, 0, 0, 0


def huffman(counts):
    """Lengths of an optimal prefix code as JPEG wants it: at most 16 bits, none of ones only. [(length, symbol)]"""
    # The extra symbol gets the longest code, which JPEG leaves unused.
    nodes = sorted([(n, s, (s,)) for s, n in counts.items()] + [(0, 256, (256,))])
    depth = dict.fromkeys([s for _, s, _ in nodes], 0)
    while len(nodes) > 1:
        (n, s, a), (m, t, b) = nodes[:2]
        for x in a + b:
            depth[x] += 1
        nodes = sorted(nodes[2:] + [(n + m, max(s, t), a + b)])
    assert max(depth.values()) <= 16, "code too long"
    # Codes go by length and symbol; the extra one has to come last.
    order = sorted((n, s) for s, n in depth.items())
    assert order[-1][0] == depth[256]
    return [(n, s) for n, s in order if s != 256]


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + bytes(body)


def encode(picture):
    """A grey baseline JPEG with Huffman tables made for this picture."""
    size = len(picture)
    stream, previous = [], 0
    for y in range(0, size, 8):
        for x in range(0, size, 8):
            c = transform([row[x:x + 8] for row in picture[y:y + 8]])
            stream += symbols(c, previous)
            previous = c[0]
    codes, out = [{}, {}], b"\xFF\xD8"
    out += segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    out += segment(0xDB, [0] + [QUANTISER[i] for i in ZIGZAG])
    out += segment(0xC0, [8, 0, size, 0, size, 1, 1, 0x11, 0])
    tables = b""
    for table in (0, 1):
        counts = {}
        for t, s, _, _ in stream:
            if t == table:
                counts[s] = counts.get(s, 0) + 1
        lengths = huffman(counts)
        code, before = 0, lengths[0][0]
        for length, s in lengths:
            code <<= length - before
            before = length
            codes[table][s] = code, length
            code += 1
        tables += bytes([table << 4] + [sum(n == i for n, _ in lengths) for i in range(1, 17)] + [s for _, s in lengths])
    out += segment(0xC4, tables) + segment(0xDA, [1, 1, 0, 0, 63, 0])
    number = count = 0
    for t, s, value, length in stream:
        code, code_length = codes[t][s]
        number = (number << code_length | code) << length | value
        count += code_length + length
    pad = -count % 8
    data = (number << pad | ((1 << pad) - 1)).to_bytes((count + pad) // 8, "big")
    return out + data.replace(b"\xFF", b"\xFF\0") + b"\xFF\xD9"


def write_lists(out):
    """The first five digits, from which a network begins, and the others, which it then learns from few pictures."""
    def lines(split, digits, pick=slice(None)):
        return [f"{split}/{d}/{p.name}\t{d}\n" for d in digits for p in sorted((out / split / str(d)).iterdir())[pick]]
    lists = {
        "upstream-train": lines("train", range(5)), "upstream-val": lines("val", range(5)), "test": lines("val", range(5, 10)),
        "train400": lines("train", range(5, 10), slice(0, 80)), "val100": lines("train", range(5, 10), slice(80, 100)),
        "train400val100": lines("train", range(5, 10), slice(0, 100)),
    }
    for name, text in lists.items():
        (out / f"{name}.txt").write_text("".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default=SOURCE)
    parser.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    arguments = parser.parse_args()
    with gzip.open(arguments.source, "rt") as file:
        rows = [[int(float(x)) for x in row] for row in csv.reader(file)]
    if len(rows) != 1797 or any(len(r) != 65 or not 0 <= r[64] <= 9 or max(r[:64]) > 16 for r in rows):
        sys.exit(f"{arguments.source}: not the 1797 digits of 64 numbers and a class")
    written = 0
    for digit in range(10):
        members = [i for i, row in enumerate(rows) if row[64] == digit]
        members.sort(key=lambda i: hashlib.sha256(f"{SEED} {i}".encode()).digest())
        held_back = set(members[:(len(members) + VAL_SHARE // 2) // VAL_SHARE])
        for i in members:
            folder = arguments.out / ("val" if i in held_back else "train") / str(digit)
            folder.mkdir(parents=True, exist_ok=True)
            data = encode(enlarge(rows[i][:64]))
            (folder / f"{i:04d}.jpg").write_bytes(data)
            written += len(data)
    write_lists(arguments.out)
    print(f"{len(rows)} pictures, {written} bytes")


if __name__ == "__main__":
    main()
