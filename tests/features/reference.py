"""Few-shot regression and nearest neighbours as big_vision and DINO compute them, in numpy and double: what bit is compared with.

reference.py golden                        prints tests/golden/probe.json
reference.py compare GOLDEN                numpy's numbers against the stored ones
reference.py probe TRAIN.csv TEST.csv SHOTS SEEDS K     accuracies from the features that bit embed wrote: lines "probe SHOTS SEED RIGHT",
                                           "nearest K RIGHT"
reference.py cosines DUPLICATES.tsv UPSTREAM.csv TEST.csv    the cosines that bit dedup found, of upright pairs, from such features
"""
import csv
import json
import sys

import numpy as np

L2, CONSTANT, TEMPERATURE = 1024.0, 100.0, 0.07


def draw(labels, classes, shots, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.where(labels == c)[0])[:shots] for c in range(classes)])


def fit(x, y, classes):
    """The whole system with its constant column at once."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-5
    x = np.hstack([(x - mean) / scale, np.full((len(x), 1), CONSTANT)])
    target = 2.0 * np.eye(classes)[y] - 1
    if x.shape[0] >= x.shape[1]:
        w = np.linalg.solve(x.T @ x + L2 * np.eye(x.shape[1]), x.T @ target)
    else:
        w = x.T @ np.linalg.solve(x @ x.T + L2 * np.eye(x.shape[0]), target)
    return mean, scale, w


def score(model, x, y):
    mean, scale, w = model
    x = np.hstack([(x - mean) / scale, np.full((len(x), 1), CONSTANT)])
    return int((np.argmax(x @ w, axis=1) == y).sum())


def neighbours(x, y, test_x, test_y, ks, classes):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    test_x = test_x / np.linalg.norm(test_x, axis=1, keepdims=True)
    cosine = test_x @ x.T
    order = np.argsort(-cosine, axis=1, kind="stable")
    result = []
    for k in ks:
        near = order[:, :k]
        votes = np.zeros((len(test_x), classes))
        for i in range(len(test_x)):
            np.add.at(votes[i], y[near[i]], np.exp(cosine[i, near[i]] / TEMPERATURE))
        result.append(int((np.argmax(votes, axis=1) == test_y).sum()))
    return result


CLASSES, CHANNELS, TRAIN, TEST = 12, 48, 400, 300


def made_up(raw, count, centres):
    """Whole numbers below 2^24 from the generator, so that every float is exact; classes by turns."""
    labels = np.array([int(raw.random_raw() % CLASSES) for _ in range(count)])
    numbers = raw.random_raw(count * CHANNELS).reshape(count, CHANNELS) >> np.uint64(40)
    return ((5 * numbers + 3 * centres[labels]) >> np.uint64(3)).astype(np.float32).astype(np.float64), labels


def golden():
    raw = np.random.default_rng(20191224).bit_generator
    centres = raw.random_raw(CLASSES * CHANNELS).reshape(CLASSES, CHANNELS) >> np.uint64(40)
    x, y = made_up(raw, TRAIN, centres)
    test_x, test_y = made_up(raw, TEST, centres)
    x, test_x = x / 2.0 ** 22, test_x / 2.0 ** 22
    result = {"classes": CLASSES, "channels": CHANNELS, "train": TRAIN, "test": TEST, "draws": [], "weights": []}
    for shots in (1, 5, 10, 25):
        for seed in (0, 1, 2):
            rows = draw(y, CLASSES, shots, seed)
            model = fit(x[rows], y[rows], CLASSES)
            result["draws"].append({"shots": shots, "seed": seed, "images": rows.tolist(), "right": score(model, test_x, test_y)})
            if (shots, seed) in ((1, 0), (5, 1), (25, 2)):
                result["weights"].append({"shots": shots, "seed": seed, "weights": model[2].ravel().tolist()})
    ks = (10, 20, 100, 200)
    result["neighbours"] = [{"k": k, "right": r} for k, r in zip(ks, neighbours(x, y, test_x, test_y, ks, CLASSES))]
    return result


def compare(path):
    with open(path) as file:
        stored = json.load(file)
    now = golden()
    for key in ("draws", "neighbours"):
        if stored[key] != now[key]:
            sys.exit(f"{key} differ")
    for a, b in zip(stored["weights"], now["weights"]):
        if np.abs(np.array(a["weights"]) - np.array(b["weights"])).max() > 1e-10:
            sys.exit("weights differ")


def read(path):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        label, first = header.index("label"), header.index("feature0")
        last = first + sum(name.startswith("feature") for name in header)
        rows = list(rows)
    names = [row[label] for row in rows]
    return np.array([row[first:last] for row in rows], dtype=np.float32).astype(np.float64), names


def cosines(pairs, upstream, test):
    ours = [line.rstrip("\n").split("\t") for line in open(pairs)][1:]
    found = [(p[0], p[2], float(p[8])) for p in ours if p[8] != "-" and p[6] == "upright"]
    assert found
    features = []
    for name in (upstream, test):
        with open(name, newline="") as file:
            paths = ["/".join(row[0].split("/")[-2:]) for row in list(csv.reader(file))[1:]]
        features.append(dict(zip(paths, read(name)[0])))
    for a, b, cosine in found:
        x, y = features[0][a], features[1][b]
        right = x @ y / np.sqrt((x @ x) * (y @ y))
        assert abs(right - cosine) < 1e-3, (a, b, cosine, right)


def probe(train, test, shots, seeds, ks):
    (x, names), (test_x, test_names) = read(train), read(test)
    classes = sorted(set(names), key=lambda n: n.encode())
    number = {name: i for i, name in enumerate(classes)}
    y, test_y = np.array([number[n] for n in names]), np.array([number[n] for n in test_names])
    for s in shots:
        for seed in seeds:
            rows = draw(y, len(classes), s, seed)
            print("probe", s, seed, score(fit(x[rows], y[rows], len(classes)), test_x, test_y))
    for k, right in zip(ks, neighbours(x, y, test_x, test_y, ks, len(classes))):
        print("nearest", k, right)


if __name__ == "__main__":
    if sys.argv[1] == "golden":
        text = json.dumps(golden())
        print(text.replace('{"shots"', '\n{"shots"').replace('"neighbours"', '\n"neighbours"'))
    elif sys.argv[1] == "cosines":
        cosines(*sys.argv[2:5])
    elif sys.argv[1] == "compare":
        compare(sys.argv[2])
    else:
        probe(sys.argv[2], sys.argv[3], *[[int(n) for n in a.split(",")] for a in sys.argv[4:7]])
