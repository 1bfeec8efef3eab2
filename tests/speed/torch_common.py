"""What the peers of training steps share: their options, and how they are measured. Last lines, as those of bit: images/s (median step) and peak memory."""
import argparse
import resource
import time

import torch


def take_options(about, numbers, classes, flags):
    """numbers: names of whole numbers that come first; flags: (name, help) of their own."""
    parser = argparse.ArgumentParser(description=about)
    for name in numbers:
        parser.add_argument(name, type=int)
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--classes", type=int, default=classes)
    parser.add_argument("--nhwc", action="store_true", help="images and kernels in channels_last")
    for name, text in flags:
        parser.add_argument(name, action="store_true", help=text)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def mixed(options):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16")


def measure(step, options, what):
    """step was warmed up."""
    times = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(f"torch {torch.__version__}: {what} at {options.size}, batch {options.batch}, {options.precision}, {'NHWC' if options.nhwc else 'NCHW'}, "
          f"{options.threads} threads, {options.steps} steps")
    print(f"images/s: {options.batch / sorted(times)[len(times) // 2]:.2f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9:.2f} GB")
