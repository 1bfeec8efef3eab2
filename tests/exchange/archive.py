"""Files of weights as others write them, good and bad ones, of the small network R8x1 with 5 classes.

archive.py make FOLDER            FOLDER/good-*: the same numbers in many forms; half-*: those that float16 holds
archive.py hostile FOLDER         FOLDER/NAME.npz or .safetensors, and NAME.words: what the refusal must say
archive.py golden CASE.json FOLDER  the golden case's network as golden.npz, its pictures as input.npy, its logits as logits.txt
archive.py compare A.npz B.npz    bit for bit
archive.py near A.txt B.txt TOLERANCE"""
import io
import json
import os
import struct
import sys
import zipfile

import numpy

UNITS = {8: [1, 1], 14: [1, 1, 1, 1], 50: [3, 4, 6, 3]}


def splitmix(name, count):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(h) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return z ^ (z >> numpy.uint64(31))


def signed(name, shape):
    u = (splitmix(name, int(numpy.prod(shape))) >> numpy.uint64(11)).astype(numpy.float64) * 2.0 ** -53
    return (2 * u - 1).reshape(shape)


def network(depth, width, classes):
    """Published names to float32 arrays; numbers are functions of their names."""
    p = {}

    def norm(at, channels):
        p[at + "/group_norm/gamma"] = 1 + 0.1 * signed(at + "/group_norm/gamma", (channels,))
        p[at + "/group_norm/beta"] = 0.1 * signed(at + "/group_norm/beta", (channels,))

    def conv(at, side, inputs, outputs, last="standardized_conv2d"):
        name = f"{at}/{last}/kernel"
        p[name] = signed(name, (side, side, inputs, outputs)) * numpy.sqrt(3 / (side * side * inputs))

    conv("resnet/root_block", 7, 3, 64 * width)
    inputs = 64 * width
    for b, units in enumerate(UNITS[depth], 1):
        middle = 64 * width * 2 ** (b - 1)
        for u in range(1, units + 1):
            at = f"resnet/block{b}/unit{u:02d}"
            norm(at + "/a", inputs)
            conv(at + "/a", 1, inputs, middle)
            if u == 1:
                conv(at + "/a/proj", 1, inputs, 4 * middle)
            norm(at + "/b", middle)
            conv(at + "/b", 3, middle, middle)
            norm(at + "/c", middle)
            conv(at + "/c", 1, middle, 4 * middle)
            inputs = 4 * middle
    norm("resnet", inputs)
    conv("resnet/head", 1, inputs, classes, "conv2d")
    p["resnet/head/conv2d/bias"] = 0.1 * signed("resnet/head/conv2d/bias", (classes,))
    return {k: v.astype(numpy.float32) for k, v in p.items()}


def npy(value, version=(1, 0), header=None):
    """A .npy with any header; numpy's own where none is given."""
    out = io.BytesIO()
    if header is None:
        numpy.lib.format.write_array(out, value, version=version)
        return out.getvalue()
    text = header.encode()
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + value.tobytes()


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""
    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def archive(path, members, method=zipfile.ZIP_STORED, streamed=False):
    with zipfile.ZipFile(Unseekable(path) if streamed else path, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)


def timm_name(name):
    if name.startswith("resnet/root"):
        return "stem.conv.weight"
    if name.startswith("resnet/head"):
        return "head.fc." + ("weight" if name.endswith("kernel") else "bias")
    kind = "weight" if name.endswith(("kernel", "gamma")) else "bias"
    if name.startswith("resnet/group_norm"):
        return "norm." + kind
    parts = name.split("/")
    at = f"stages.{int(parts[1][5:]) - 1}.blocks.{int(parts[2][4:]) - 1}."
    if parts[4] == "proj":
        return at + "downsample.conv.weight"
    return at + ("conv" if name.endswith("kernel") else "norm") + str("abc".index(parts[3]) + 1) + "." + kind


def tensors(path, arrays, edit=None, tail=b"", kind="F32"):
    entries, data, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in arrays.items():
        raw = value.tobytes()
        entries[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        data.append(raw)
    text = json.dumps(entries) if edit is None else edit(entries)
    text = text.encode() + b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(data) + tail)


def as_timm(p):
    return {timm_name(k): numpy.ascontiguousarray(v.transpose(3, 2, 0, 1)) if v.ndim == 4 else v for k, v in p.items()}


def bfloat16(v):
    return (v.astype(numpy.float32).view(numpy.uint32) >> 16).astype(numpy.uint16)


def make(folder):
    p = network(8, 1, 5)
    at = lambda name: os.path.join(folder, name)
    numpy.savez(at("good-plain.npz"), **p)
    numpy.savez_compressed(at("good-deflated.npz"), **p)
    numpy.savez(at("good-double.npz"), **{k: v.astype(numpy.float64) for k, v in p.items()})
    numpy.savez(at("good-fortran.npz"), **{k: numpy.asfortranarray(v) for k, v in p.items()})
    numbered = {k.replace("standardized_conv2d", f"standardized_conv2d_{i}").replace("group_norm", f"group_norm_{i}"): v
                for i, (k, v) in enumerate(p.items())}
    numpy.savez(at("good-numbered.npz"), **numbered)
    numpy.savez(at("good-projection.npz"), **{k.replace("a/proj/", "a/proj_1/"): v for k, v in p.items()})
    archive(at("good-descriptors.npz"), [(k + ".npy", npy(v)) for k, v in p.items()], zipfile.ZIP_DEFLATED, True)
    archive(at("good-bare.npz"), [(k, npy(v, (2, 0))) for k, v in p.items()])
    archive(at("good-third.npz"), [(k + ".npy", npy(v, (3, 0))) for k, v in p.items()])
    longs = lambda v: "{'shape': (" + "".join(f"{n}L, " for n in v.shape) + "), 'fortran_order': False, 'descr': '<f4'}\n"
    archive(at("good-longs.npz"), [(k + ".npy", npy(v, (1, 0), longs(v))) for k, v in p.items()])
    tensors(at("good-names.safetensors"), p)
    tensors(at("good-timm.safetensors"), as_timm(p))
    tensors(at("good-double.safetensors"), {k: v.astype(numpy.float64) for k, v in as_timm(p).items()}, kind="F64")
    half = {k: v.astype(numpy.float16) for k, v in p.items()}
    numpy.savez(at("half-plain.npz"), **half)
    numpy.savez(at("half-wide.npz"), **{k: v.astype(numpy.float32) for k, v in half.items()})
    tensors(at("half-timm.safetensors"), as_timm(half), kind="F16")
    short = {k: bfloat16(v) for k, v in p.items()}
    tensors(at("short-timm.safetensors"), as_timm(short), kind="BF16")
    numpy.savez(at("short-wide.npz"), **{k: (v.astype(numpy.uint32) << 16).view(numpy.float32) for k, v in short.items()})


def hostile(folder):
    p = network(8, 1, 5)
    root, bias, beta = "resnet/root_block/standardized_conv2d/kernel", "resnet/head/conv2d/bias", "resnet/group_norm/beta"

    def npz(name, words, change=None, members=None, **more):
        q = dict(p)
        if change:
            change(q)
        path = os.path.join(folder, name + ".npz")
        archive(path, members(q) if members else [(k + ".npy", npy(v)) for k, v in q.items()], **more)
        open(os.path.join(folder, name + ".words"), "w").write(words)
        return path

    def put(key, value):
        return lambda q: q.__setitem__(key, value)

    def instead(key, data):
        return lambda q: [(k + ".npy", data if k == key else npy(v)) for k, v in q.items()]

    def header(text, version=(1, 0), value=p[beta]):
        return instead(beta, npy(value, version, text))

    npz("missing", f"{beta} is missing", lambda q: q.pop(beta))
    npz("missing-head", f"{bias} is missing", lambda q: q.pop(bias))
    npz("extra", "resnet/global_step", put("resnet/global_step", numpy.zeros(1, numpy.float32)))
    npz("extra-unit", "blocks of 1, 1, 0 and 1", put("resnet/block4/unit01/a/group_norm/beta", numpy.zeros(4, numpy.float32)))
    npz("extra-far", "block2/unit99", put("resnet/block2/unit99/b/group_norm/beta", numpy.zeros(4, numpy.float32)))
    os.replace(os.path.join(folder, "extra-far.npz"), os.path.join(folder, "extra-depth.npz"))
    os.replace(os.path.join(folder, "extra-far.words"), os.path.join(folder, "extra-depth.words"))
    open(os.path.join(folder, "extra-depth.words"), "w").write("blocks of 1, 99, 0 and 0")
    npz("collide", "are both resnet/root_block", put(root.replace("conv2d", "conv2d_3"), p[root]))
    npz("shape", f"{beta}: expected the shape 512, found 511", put(beta, p[beta][:511]))
    npz("dimensions", f"{beta}: expected the shape 512, found 512 x 1", put(beta, p[beta].reshape(512, 1)))
    npz("transposed", "expected the shape 7 x 7 x 3 x 64w", put(root, p[root].transpose(3, 2, 0, 1)))
    npz("nan", f"{beta}: holds a NaN", put(beta, numpy.where(numpy.arange(512) == 300, numpy.nan, p[beta]).astype(numpy.float32)))
    npz("infinite", f"{beta}: holds a NaN", put(beta, numpy.full(512, numpy.inf, numpy.float32)))
    npz("too-large", f"{beta}: holds a NaN", put(beta, numpy.full(512, 1e300)))
    npz("big-endian", "'>f4'", put(beta, p[beta].astype(">f4")))
    npz("integers", "'<i4'", put(beta, p[beta].astype(numpy.int32)))
    npz("objects", "'|O'", members=header("{'descr': '|O', 'fortran_order': False, 'shape': (512,), }\n"))
    npz("records", "descr is not a short text", members=header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (512,), }\n"))
    npz("code", "not a dict", members=header("__import__('os').system('true')\n"))
    npz("lying-large", "ask for", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }\n"))
    npz("lying-overflow", "too large", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }\n"))
    npz("lying-digits", "not a tuple of whole numbers", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }\n"))
    npz("negative", "not a tuple of whole numbers", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (-512,), }\n"))
    npz("no-tuple", "not a tuple", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512), }\n"))
    npz("twice-descr", "'descr' twice", members=header("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (512,), }\n"))
    npz("unknown-key", "'more'", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512,), 'more': 1}\n"))
    npz("no-key", "exactly descr", members=header("{'descr': '<f4', 'shape': (512,), }\n"))
    npz("trailing", "exactly descr", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512,), } 5\n"))
    npz("no-line-feed", "line feed", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512,), } "))
    npz("long-header", "header of 20", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512,), }" + " " * 20000 + "\n"))
    npz("huge-header", "a .npy header of 4", members=instead(beta, b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100))
    npz("longs-in-third", "not a tuple of whole", members=header("{'descr': '<f4', 'fortran_order': False, 'shape': (512L,), }\n", (3, 0)))
    npz("version", "version 4.0", members=instead(beta, b"\x93NUMPY\x04\x00" + npy(p[beta])[8:]))
    npz("no-npy", "is not a .npy file", members=instead(beta, b"x" * 3000))
    npz("short-member", "bytes are not a .npy", members=instead(beta, b"\x93NUM"))
    npz("too-long", "the archive says", members=instead(beta, npy(p[beta]) + b"\0"))
    npz("too-short", "the archive says", members=instead(beta, npy(p[beta])[:-1]))
    npz("bomb", "the archive says", members=instead(beta, npy(p[beta]) + bytes(300 << 20)), method=zipfile.ZIP_DEFLATED)
    npz("bzip2", "method 12", method=zipfile.ZIP_BZIP2)
    npz("twice", "whole zip archive|are both", members=lambda q: [(k + ".npy", npy(v)) for k, v in list(q.items()) + [(beta, q[beta])]])
    npz("slip", "../../etc/passwd", put("../../etc/passwd", p[beta]))
    npz("long-name", "no BiT network has", put("resnet/" + "x" * 5000, p[beta]))
    npz("many", "resnet/a0", members=lambda q: [(f"resnet/a{i}.npy", b"") for i in range(5000)])
    good = open(npz("cut", "whole zip archive"), "rb").read()
    open(os.path.join(folder, "cut.npz"), "wb").write(good[:len(good) // 2])
    path = npz("flipped", "cannot be read")
    at = good.index(p[beta].tobytes())
    open(path, "wb").write(good[:at + 100] + bytes([good[at + 100] ^ 1]) + good[at + 101:])

    def safe(name, words, edit=None, arrays=None, tail=b"", raw=None):
        path = os.path.join(folder, name + ".safetensors")
        if raw is not None:
            open(path, "wb").write(raw)
        else:
            tensors(path, arrays or as_timm(p), edit, tail)
        open(os.path.join(folder, name + ".words"), "w").write(words)

    def changed(key, field, value):
        def edit(entries):
            entries[key][field] = value
            return json.dumps(entries)
        return edit

    def doubled(entries):
        text = json.dumps(entries)
        return text[:-1] + ", " + json.dumps("norm.bias") + ": " + json.dumps(entries["norm.bias"]) + "}"

    both = dict(as_timm(p))
    both[beta] = p[beta]
    last = lambda e: max(v["data_offsets"][1] for k, v in e.items() if k != "__metadata__")
    safe("s-tail", "bytes long", tail=b"x")
    safe("s-shape", "norm.bias: its place", changed("norm.bias", "shape", [511]))
    safe("s-negative", "not a whole number", changed("norm.bias", "shape", [-512]))
    safe("s-float", "not a whole number", changed("norm.bias", "shape", [512.5]))
    safe("s-overflow", "too large|not a whole", changed("norm.bias", "shape", [1 << 40, 1 << 40]))
    safe("s-offsets", "must lie one behind", lambda e: changed("norm.bias", "data_offsets", [0, 2048])(e))
    safe("s-far", "must lie one behind|bytes long", lambda e: changed("norm.bias", "data_offsets", [last(e) + 8, last(e) + 8 + 2048])(e))
    safe("s-backwards", "its place", changed("norm.bias", "data_offsets", [2048, 0]))
    safe("s-type", "expected F16", changed("norm.bias", "dtype", "I8"))
    safe("s-key", "unknown key", changed("norm.bias", "more", 1))
    safe("s-metadata", "is not a text", lambda e: json.dumps(dict(e, __metadata__={"a": 1})))
    safe("s-twice", "are both|must lie one behind", doubled)
    safe("s-both", "are both resnet/group_norm/beta", arrays=both)
    safe("s-unknown", "no BiT network has", arrays={"conv1.weight": p[root]})
    safe("s-deep", "not JSON", lambda e: '{"a":' * 5000 + "1" + "}" * 5000)
    safe("s-trailing", "not JSON", lambda e: json.dumps(e) + "{}")
    safe("s-list", "neither an .npz", lambda e: "[]")
    safe("s-nan", "stem.conv.weight: holds a NaN", arrays=dict(as_timm(p), **{"stem.conv.weight": numpy.full((64, 3, 7, 7), numpy.nan, "f4")}))
    safe("s-cut", "ends early|bytes long|header would be", raw=struct.pack("<Q", 1000) + b"{" + b" " * 100)
    safe("s-huge", "header would be 18446744073709551615", raw=b"\xff" * 8 + b"{}")
    safe("s-100mb", "header would be 100000001", raw=struct.pack("<Q", 100000001) + b"{}" + b" " * 100)
    safe("s-utf8", "UTF-8", raw=struct.pack("<Q", 7) + b'{"\xff":1}')
    safe("s-empty", "neither an .npz", raw=b"")


def golden(case, folder):
    c = json.load(open(case))
    config = c["config"]
    p = network(config["depth"], config["width"], config["classes"])
    numpy.savez(os.path.join(folder, "golden.npz"), **p)
    x = signed("input", (config["batch"], config["size"], config["size"], 3)).astype(numpy.float32)
    numpy.save(os.path.join(folder, "input.npy"), x)
    with open(os.path.join(folder, "logits.txt"), "w") as f:
        for row in c["logits"]:
            f.write(" ".join(f"{v:.9g}" for v in row) + "\n")


def compare(a, b):
    x, y = numpy.load(a), numpy.load(b)
    assert sorted(x.files) == sorted(y.files), "other names"
    for k in x.files:
        assert y[k].dtype == numpy.dtype("<f4") and y[k].flags.c_contiguous, k
        assert x[k].astype("<f4").tobytes() == y[k].tobytes() and x[k].shape == y[k].shape, k


def near(a, b, tolerance):
    x, y = numpy.loadtxt(a), numpy.loadtxt(b)
    assert x.shape == y.shape, (x.shape, y.shape)
    worst = numpy.abs(x - y).max()
    print(f"largest difference {worst:.3g} of {numpy.abs(x).max():.3g}")
    assert worst <= float(tolerance)


if __name__ == "__main__":
    {"make": make, "hostile": hostile, "golden": golden, "compare": compare, "near": near}[sys.argv[1]](*sys.argv[2:])
