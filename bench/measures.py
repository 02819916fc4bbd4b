"""Do the measures tell apart what they should? Prints the tables of docs/measures.md.

python -m bench.measures --train ../shared/data/adventurer-64.zip --heldout ../shared/data/adventurer-64-heldout.zip \
    --bundle models/adventurer/1 --label hair
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from training.dataset import ImageSet, load_images
from training.evaluate import open_generator
from training.measures.classes import class_measures
from training.measures.classifier import cached_classifier
from training.measures.features import features, standardised
from training.measures.memorisation import Nearness, copied_share, nearer_share, nearness, shrunk
from training.measures.neighbours import Manifolds
from training.measures.pyramid import double, halve
from training.measures.suite import QUICK_DIRECTIONS
from training.measures.two_sample import Kernels, classifier_accuracy
from training.measures.wasserstein import colour_distance, pixels, sliced_wasserstein

COUNT = 500
"""Images a side."""
DRAWS = 5
"""Of images, places and directions."""


def blurred(images: np.ndarray, times: int = 1) -> np.ndarray:
    floats = np.moveaxis(images, -1, 1).astype(np.float32)
    for _ in range(times):
        floats = halve(floats)
    for _ in range(times):
        floats = double(floats)
    return np.moveaxis(floats, 1, -1).round().clip(0, 255).astype(np.uint8)


def noisy(images: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, images.shape)
    return (images + noise).round().clip(0, 255).astype(np.uint8)


def faulty(images: np.ndarray, few: np.ndarray, known: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """What is measured: held-out images with one fault each, and what a generator draws."""
    shift = np.resize(np.array([8.0, 0.0, -8.0]), images.shape[-1])
    return {
        "real": images,
        "blurred": blurred(images),
        "noise, deviation 5": noisy(images, 5),
        "a third of the classes missing": few,
        "colour +8, 0, −8": (images + shift).clip(0, 255).astype(np.uint8),
        "a quarter copied": np.concatenate([images[COUNT // 4 :], noisy(known[: COUNT // 4], 3)]),
        "the bundle": drawn,
    }


def measured(real: np.ndarray, fake: np.ndarray, other: Nearness, known: np.ndarray, seed: int) -> dict[str, float]:
    """The values that a suite would give, without floors and intervals."""
    distances = sliced_wasserstein(real, fake, seed, directions=QUICK_DIRECTIONS)
    a, b = standardised(features(real), features(fake))
    near = nearness(shrunk(fake), known)
    return {
        "distance": distances["distance"],
        "swd_mean": distances["swd_mean"],
        "colour": colour_distance(pixels(real, seed), pixels(fake, seed), seed),
        **Manifolds(a, b).scores(),
        "kernel_distance": 1e3 * Kernels(a, b).distance(),
        "c2st": classifier_accuracy(a, b),
        "memorisation": copied_share(other, near),
        "data_copying": nearer_share(other, near),
    }


def print_measures(train: ImageSet, heldout: ImageSet, drawn: np.ndarray) -> None:
    """How each measure answers to one fault: mean and deviation over draws."""
    assert heldout.labels is not None
    images, real = np.asarray(train.images[:]), np.asarray(heldout.images[:])
    common = heldout.labels < 2 * len(heldout.class_names) // 3
    known = shrunk(images)
    results: dict[str, list[dict[str, float]]] = {}
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(real))
        reference, other, rest = order[:COUNT], order[COUNT : 2 * COUNT], order[2 * COUNT :]
        near, copied = nearness(shrunk(real[other]), known), images[rng.permutation(len(images))[:COUNT]]
        sets = faulty(real[rest[:COUNT]], real[rest[common[rest]][:COUNT]], copied, rng.permutation(drawn)[:COUNT])
        for name, some in sets.items():
            results.setdefault(name, []).append(measured(real[reference], some, near, known, seed))
            print(f"draw {seed}, {name}", file=sys.stderr, flush=True)
    print("\n| measure | " + " | ".join(results) + " |\n|" + "---|" * (len(results) + 1))
    for key in results["real"][0]:
        values = [np.array([found[key] for found in draws]) for draws in results.values()]
        print(f"| `{key}` | " + " | ".join(f"{x.mean():.3g} ± {x.std(ddof=1):.1g}" for x in values) + " |")


def print_classes(train: ImageSet, heldout: np.ndarray, drawn: np.ndarray, label: str, cache: Path) -> None:
    """Which classes are covered by images that show them, and by images that do not."""
    assert train.labels is not None
    names = train.class_names
    classifier = cached_classifier(cache, np.asarray(train.images[:]), train.labels, names, train.facts.digest, label)
    rng = np.random.default_rng(0)
    other = rng.permutation(heldout)
    half = heldout.shape[1] // 2
    pixels = heldout.reshape(len(heldout), -1, heldout.shape[-1])
    sets = {
        "real": heldout,
        "blurred to half the resolution": blurred(heldout),
        "noise, deviation 10": noisy(heldout, 10),
        "the bundle": drawn,
        "blurred to an eighth": blurred(heldout, 3),
        "blends of two": ((heldout.astype(int) + other) // 2).astype(np.uint8),
        "left half of one, right of another": np.concatenate([heldout[:, :, :half], other[:, :, half:]], axis=2),
        "moved by half a side": np.roll(heldout, half, axis=2),
        "upside down": heldout[:, ::-1],
        "pixels in another order": rng.permutation(pixels, axis=1).reshape(heldout.shape),
        "noise alone": rng.integers(0, 256, heldout.shape).astype(np.uint8),
    }
    shares = (np.bincount(train.labels, minlength=len(names)) / len(train.labels)).astype(np.float32)
    real = classifier.probabilities(heldout)
    print(
        f"\nright: {classifier.accuracy:.2%}\n| images | covered of {len(names)} | recognised | KL |\n|---|---|---|---|"
    )
    for name, images in sets.items():
        found = class_measures(label, names, classifier.accuracy, shares, real, classifier.probabilities(images))
        covered, divergence, recognised = (found[f"{label}_{key}"].value for key in ("covered", "kl", "recognised"))
        print(f"| {name} | {covered:.0f} | {recognised:.1%} | {divergence:.2f} |", flush=True)


def main() -> None:
    """Read the arguments, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args()
    generator = open_generator(options.bundle)
    shape = generator.resolution, generator.channels, options.cache
    train = load_images(options.train, *shape, labels=options.label)
    heldout = load_images(options.heldout, *shape, labels=options.label)
    drawn = generator.images(len(heldout))
    print_classes(train, np.asarray(heldout.images[:]), drawn, options.label, options.cache)
    print_measures(train, heldout, drawn)


if __name__ == "__main__":
    main()
