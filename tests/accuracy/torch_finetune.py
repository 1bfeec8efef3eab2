"""The fine-tuning of a run of bit in PyTorch: same start, pictures, batches and rates.

torch_finetune.py START.npz RUN TRAIN VAL: the losses of all steps beside those of RUN/metrics.jsonl, and both top-1 on VAL. Each batch holds all
pictures of TRAIN, as large as the network sees them: nothing is drawn, cropped or resized. Fails when the first losses differ by more than
1e-4 of themselves, or the accuracies by more than 2.5 standard errors of the test set."""
import json
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "exchange"))
from network import forward, read_npz  # noqa: E402

FIRST, MOMENTUM = 5, 0.9


def read_pictures(folder):
    files = sorted(pathlib.Path(folder).glob("*/*.jpg"))
    classes = sorted({f.parent.name for f in files})
    pixels = numpy.stack([numpy.asarray(Image.open(f).convert("RGB"), numpy.float32) for f in files])
    x = torch.from_numpy((pixels - 127.5) / 127.5).permute(0, 3, 1, 2).contiguous()
    return x, torch.tensor([classes.index(f.parent.name) for f in files]), len(classes)


def train(p, x, y, rates):
    moments = {name: torch.zeros_like(t) for name, t in p.items()}
    losses = []
    for rate in rates:
        for t in p.values():
            t.requires_grad_(True)
            t.grad = None
        loss = F.cross_entropy(forward(p, x), y)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for name, t in p.items():
                moments[name].mul_(MOMENTUM).add_(t.grad)
                t.sub_(rate * moments[name])
    return losses


def main():
    start, run, train_folder, val_folder = sys.argv[1:]
    torch.set_num_threads(1)
    lines = [json.loads(line) for line in open(run + "/metrics.jsonl")]
    steps = [line for line in lines if line["kind"] == "step"]
    x, y, classes = read_pictures(train_folder)
    p = read_npz(start)
    p["resnet/head/conv2d/kernel"] = torch.zeros(classes, p["resnet/head/conv2d/kernel"].shape[1], 1, 1)
    p["resnet/head/conv2d/bias"] = torch.zeros(classes)
    theirs = train(p, x, y, [line["rate"] for line in steps])
    test_x, test_y, _ = read_pictures(val_folder)
    with torch.no_grad():
        their_top1 = (forward(p, test_x).argmax(dim=1) == test_y).double().mean().item()
    top1 = json.load(open(run + "/outcome.json"))["top1"]
    ours = [line["loss"] for line in steps]
    for i, (a, b) in enumerate(zip(ours, theirs)):
        print(f"step {i + 1:3d}: loss {a:.7f} bit, {b:.7f} PyTorch, {abs(a - b) / b:.1e}")
    noise = (2 * their_top1 * (1 - their_top1) / len(test_y)) ** 0.5
    print(f"top-1 of {len(test_y)}: {100 * top1:.2f} % bit, {100 * their_top1:.2f} % PyTorch, noise of the difference {100 * noise:.2f} %")
    worst = max(abs(a - b) / b for a, b in zip(ours[:FIRST], theirs[:FIRST]))
    if worst > 1e-4:
        sys.exit(f"the first {FIRST} losses differ by {worst:.1e} of themselves")
    if abs(top1 - their_top1) > 2.5 * noise:
        sys.exit("the accuracies differ by more than noise")


if __name__ == "__main__":
    main()
