#!/usr/bin/python3
"""The peer of `bit bench step --task detect`: SGD steps of torchvision's RetinaNet on synthetic pictures with 7 boxes each.

torch_detect.py BATCH SIZE fp32|bf16 [--plain] [--threads N] [--steps K] [--nhwc] [--classes C]
retinanet_resnet50_fpn_v2: R50, group norm in both nets; --plain: retinanet_resnet50_fpn, without norms there. Random weights, all of them
trained. Last lines, as those of bit: images/s (median step) and peak resident memory.
"""
import torch
from torchvision.models import detection

from torch_common import measure, mixed, take_options


def make_targets(batch, size, classes):
    corner = torch.rand(batch, 7, 2) * size * 0.6
    side = 16 + torch.rand(batch, 7, 2) * size * 0.35
    boxes = torch.cat([corner, corner + side], 2)
    return [{"boxes": boxes[i], "labels": torch.randint(0, classes, (7,))} for i in range(batch)]


def group_norms_in_float32(model):
    """Older versions leave group_norm in mixed types: float32, as autocast does."""
    def make(norm):
        plain = norm.forward

        def run(x):
            with torch.autocast("cpu", enabled=False):
                return plain(x.float())
        return run
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.forward = make(module)


def main():
    a = take_options(__doc__.splitlines()[0], ["batch", "size"], 80, [("--plain", "retinanet_resnet50_fpn: no norms in the nets")])
    torch.manual_seed(0)
    build = detection.retinanet_resnet50_fpn if a.plain else detection.retinanet_resnet50_fpn_v2
    model = build(weights=None, weights_backbone=None, num_classes=a.classes, min_size=a.size, max_size=a.size)
    model.train()
    x = torch.rand(a.batch, 3, a.size, a.size)
    if a.nhwc:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if a.precision == "bf16":
        group_norms_in_float32(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    images, targets = list(x), make_targets(a.batch, a.size, a.classes)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with mixed(a):
            losses = model(images, targets)
        sum(loss.float() for loss in losses.values()).backward()
        optimizer.step()
        return losses

    losses = step()  # warms up
    assert all(torch.isfinite(loss) for loss in losses.values()), losses
    measure(step, a, f"training step of RetinaNet R50{' without norms in its nets' if a.plain else ''}")


main()
