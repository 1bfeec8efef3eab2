"""BiT's network in PyTorch, from dictionaries of arrays; and ONNX graphs of it, evaluated without onnxruntime.

network.py npz FILE.npz INPUT.npy       logits of an .npz, kernels loaded as the published PyTorch code does it
network.py timm FILE.safetensors INPUT  logits of a file with timm's names
network.py onnx FILE.onnx INPUT         logits of an ONNX file; onnx.checker passes it first
EPSILON in the environment: that of the standardisation (1e-10; timm's is 1e-8). Prints a line of numbers a picture."""
import json
import os
import re
import struct
import sys

import numpy
import torch
import torch.nn.functional as F


def standardise(w):
    mean = w.mean(dim=(1, 2, 3), keepdim=True)
    variance = w.var(dim=(1, 2, 3), keepdim=True, unbiased=False)
    return (w - mean) / torch.sqrt(variance + float(os.environ.get("EPSILON", "1e-10")))


def forward(p, x):
    """p: published names to tensors, kernels OIHW; x: [N, 3, H, W]."""
    def conv(name, t, stride=1):
        w = standardise(p[name + "/standardized_conv2d/kernel"])
        return F.conv2d(t, w, stride=stride, padding=(w.shape[2] - 1) // 2)

    def act(name, t):
        return F.relu(F.group_norm(t, 32, p[name + "/group_norm/gamma"], p[name + "/group_norm/beta"], eps=1e-5))

    t = F.max_pool2d(F.pad(conv("resnet/root_block", x, 2), (1, 1, 1, 1)), 3, 2)
    for b in range(1, 5):
        u = 1
        while f"resnet/block{b}/unit{u:02d}/a/standardized_conv2d/kernel" in p:
            at = f"resnet/block{b}/unit{u:02d}"
            stride = 2 if u == 1 and b > 1 else 1
            h = act(at + "/a", t)
            shortcut = conv(at + "/a/proj", h, stride) if u == 1 else t
            h = conv(at + "/b", act(at + "/b", conv(at + "/a", h)), stride)
            t = conv(at + "/c", act(at + "/c", h)) + shortcut
            u += 1
    t = act("resnet", t).mean(dim=(2, 3), keepdim=True)
    return F.conv2d(t, p["resnet/head/conv2d/kernel"], p["resnet/head/conv2d/bias"])[:, :, 0, 0]


def read_npz(path):
    p = {}
    for name, value in numpy.load(path).items():
        t = torch.from_numpy(value.astype(numpy.float32))
        p[name] = t.permute(3, 2, 0, 1).contiguous() if t.ndim == 4 else t
    return p


def read_safetensors(path):
    """The format as its specification says, with timm's names turned into published ones."""
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    assert size % 8 == 0 and data[8:9] == b"{"
    p = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            assert entry["format"] == "pt"
            continue
        start, end = entry["data_offsets"]
        value = numpy.frombuffer(data[8 + size + start:8 + size + end], "<f4").reshape(entry["shape"])
        what = {"conv.weight": "standardized_conv2d/kernel", "norm.weight": "group_norm/gamma", "norm.bias": "group_norm/beta"}
        unit = re.fullmatch(r"stages\.(\d)\.blocks\.(\d+)\.(conv|norm|downsample\.conv)(\d?)\.(weight|bias)", name)
        if unit:
            b, u, kind, number, end = unit.groups()
            letter = "a/proj" if kind.startswith("down") else "abc"[int(number) - 1]
            kind = kind.replace("downsample.", "")
            name = f"resnet/block{int(b) + 1}/unit{int(u) + 1:02d}/{letter}/{what[kind + '.' + end]}"
        elif name.startswith("stem."):
            name = "resnet/root_block/standardized_conv2d/kernel"
        elif name.startswith("norm."):
            name = "resnet/" + what[name]
        else:
            name = {"head.fc.weight": "resnet/head/conv2d/kernel", "head.fc.bias": "resnet/head/conv2d/bias"}[name]
        p[name] = torch.from_numpy(value.copy())
    return p


def evaluate_onnx(path, x):
    import onnx
    from onnx import numpy_helper
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    values[model.graph.input[0].name] = x
    for node in model.graph.node:
        a = {k.name: onnx.helper.get_attribute_value(k) for k in node.attribute}
        i = [values[n] for n in node.input]
        if node.op_type == "Conv":
            y = F.conv2d(i[0], i[1], i[2] if len(i) > 2 else None, stride=a["strides"][0], padding=a["pads"][0])
        elif node.op_type == "Pad":
            assert i[1].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
            y = F.pad(i[0], (1, 1, 1, 1))
        elif node.op_type == "MaxPool":
            y = F.max_pool2d(i[0], a["kernel_shape"][0], a["strides"][0])
        elif node.op_type == "Shape":
            y = torch.tensor(i[0].shape)
        elif node.op_type == "Reshape":
            y = i[0].reshape([i[0].shape[k] if n == 0 else n for k, n in enumerate(i[1].tolist())])
        elif node.op_type == "InstanceNormalization":
            y = F.instance_norm(i[0], weight=i[1], bias=i[2], eps=a["epsilon"])
        elif node.op_type == "GlobalAveragePool":
            y = i[0].mean(dim=(2, 3), keepdim=True)
        else:
            y = {"Mul": torch.mul, "Add": torch.add, "Relu": F.relu, "Flatten": lambda t: torch.flatten(t, 1)}[node.op_type](*i)
        values[node.output[0]] = y
    try:
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found = torch.from_numpy(session.run(None, {"images": x.numpy()})[0])
        assert (found - values["logits"]).abs().max() < 1e-4, "onnxruntime disagrees"
    except ImportError:
        pass
    return values["logits"]


def main():
    kind, path, pictures = sys.argv[1:]
    x = torch.from_numpy(numpy.load(pictures)).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        if kind == "onnx":
            y = evaluate_onnx(path, x)
        else:
            y = forward(read_npz(path) if kind == "npz" else read_safetensors(path), x)
    for row in y.tolist():
        print(" ".join(f"{v:.7g}" for v in row))


if __name__ == "__main__":
    main()
