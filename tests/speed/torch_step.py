#!/usr/bin/python3
"""The peer of `bit bench step`: SGD steps of the same network on a synthetic batch in PyTorch (Debian: python3-torch).

torch_step.py DEPTH WIDTH BATCH SIZE fp32|bf16 [--threads N] [--steps K] [--nhwc] [--classes C] [--forward] [--compile]
Last lines, as those of bit: images/s (median step) and peak resident memory.
"""
import torch
import torch.nn.functional as F

from torch_common import measure, mixed, take_options

UNITS = {14: [1, 1, 1, 1], 26: [2, 2, 2, 2], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}


def network(depth, width):
    """The units in order: name, channels read, channels in the middle, has a projection, stride."""
    channels = 64 * width
    for block, units in enumerate(UNITS[depth], 1):
        middle = 64 * width << (block - 1)
        for unit in range(1, units + 1):
            yield f"block{block}/unit{unit}", channels, middle, unit == 1, 2 if unit == 1 and block > 1 else 1
            channels = 4 * middle


def build_parameters(depth, width, classes, layout):
    p = {}

    def norm(name, channels):
        p[name + "/gamma"], p[name + "/beta"] = torch.ones(channels), torch.zeros(channels)

    def kernel(name, outputs, inputs, size):
        p[name] = (torch.randn(outputs, inputs, size, size) * (inputs * size * size) ** -0.5).contiguous(memory_format=layout)

    kernel("root", 64 * width, 3, 7)
    for name, channels, middle, projection, _ in network(depth, width):
        norm(name + "/norm_a", channels)
        kernel(name + "/a", middle, channels, 1)
        if projection:
            kernel(name + "/projection", 4 * middle, channels, 1)
        norm(name + "/norm_b", middle)
        kernel(name + "/b", middle, middle, 3)
        norm(name + "/norm_c", middle)
        kernel(name + "/c", 4 * middle, middle, 1)
    channels = 64 * width * 32
    norm("norm", channels)
    p["head"], p["bias"] = torch.randn(channels, classes) * channels ** -0.5, torch.zeros(classes)
    return {name: value.requires_grad_() for name, value in p.items()}


def forward(p, x, depth, width):
    def convolution(name, t, stride=1):  # weights standardised over all but the output channel
        w = p[name]
        mean = w.mean(dim=(1, 2, 3), keepdim=True)
        variance = w.var(dim=(1, 2, 3), keepdim=True, unbiased=False)
        return F.conv2d(t, (w - mean) / torch.sqrt(variance + 1e-10), stride=stride, padding=(w.shape[2] - 1) // 2)

    def norm_relu(name, t):
        gamma, beta = p[name + "/gamma"], p[name + "/beta"]
        if torch.is_autocast_cpu_enabled():  # older versions leave group_norm in mixed types: float32, as autocast does
            with torch.autocast("cpu", enabled=False):
                return torch.relu_(F.group_norm(t.float(), 32, gamma, beta, eps=1e-5))
        return torch.relu_(F.group_norm(t, 32, gamma, beta, eps=1e-5))  # in place: less memory traffic

    t = F.max_pool2d(F.pad(convolution("root", x, 2), (1, 1, 1, 1)), 3, 2)
    for name, _, _, projection, stride in network(depth, width):
        h = norm_relu(name + "/norm_a", t)
        shortcut = convolution(name + "/projection", h, stride) if projection else t
        h = convolution(name + "/a", h)
        h = convolution(name + "/b", norm_relu(name + "/norm_b", h), stride)
        t = convolution(name + "/c", norm_relu(name + "/norm_c", h)) + shortcut
    return norm_relu("norm", t).mean(dim=(2, 3)) @ p["head"] + p["bias"]


def main():
    a = take_options(__doc__.splitlines()[0], ["depth", "width", "batch", "size"], 1000,
                     [("--forward", "forward passes alone, as in evaluation"), ("--compile", "the network through torch.compile")])
    layout = torch.channels_last if a.nhwc else torch.contiguous_format
    p = build_parameters(a.depth, a.width, a.classes, layout)
    optimizer = torch.optim.SGD(p.values(), lr=0.003, momentum=0.9, weight_decay=1e-4)
    x = torch.randn(a.batch, 3, a.size, a.size).contiguous(memory_format=layout)
    y = torch.randint(0, a.classes, (a.batch,))
    run = torch.compile(forward) if a.compile else forward

    def evaluate():
        with torch.inference_mode(), mixed(a):
            return F.cross_entropy(run(p, x, a.depth, a.width).float(), y)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with mixed(a):
            logits = run(p, x, a.depth, a.width)
        F.cross_entropy(logits.float(), y).backward()
        optimizer.step()

    step = evaluate if a.forward else train
    step()  # warms up
    measure(step, a, f"{'forward pass' if a.forward else 'training step'} of R{a.depth}x{a.width}")


main()
