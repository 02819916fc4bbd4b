"""Do the measures tell apart what they should? Prints the tables of docs/measures.md.

python -m bench.measures --train ../shared/data/adventurer-64.zip --heldout ../shared/data/adventurer-64-heldout.zip \
    --bundle models/adventurer/1 --label hair
"""

import argparse
from pathlib import Path

import numpy as np

from training.dataset import ImageSet, load_images
from training.evaluate import open_generator
from training.measures import measure_all
from training.measures.classes import class_measures
from training.measures.classifier import cached_classifier
from training.measures.pyramid import double, halve

COUNT = 500
"""Images a side."""
KEYS = (
    "distance", "swd_mean", "colour", "ms_ssim", "precision", "recall", "density", "coverage", "kernel_distance",
    "c2st", "memorisation", "data_copying",
)  # fmt: skip


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


def print_measures(train: ImageSet, heldout: ImageSet, drawn: np.ndarray) -> None:
    """How each measure answers to one fault."""
    assert heldout.labels is not None
    known, real = np.asarray(train.images[:]), np.asarray(heldout.images[:])
    reference, fresh = real[: 2 * COUNT], real[2 * COUNT : 3 * COUNT]
    kept = np.flatnonzero(heldout.labels[2 * COUNT :] < 2 * len(heldout.class_names) // 3)
    few = real[2 * COUNT :][kept[:COUNT]]
    shift = np.resize(np.array([8.0, 0.0, -8.0]), fresh.shape[-1])
    sets = {
        "real": fresh,
        "blurred": blurred(fresh),
        "noise, deviation 5": noisy(fresh, 5),
        "the bundle": drawn[:COUNT],
        "a third of the classes missing": few,
        "colour +8, 0, −8": (fresh + shift).clip(0, 255).astype(np.uint8),
        "a quarter copied": np.concatenate([fresh[COUNT // 4 :], noisy(known[: COUNT // 4], 3)]),
    }
    print("| images | " + " | ".join(KEYS) + " |\n|" + "---|" * (len(KEYS) + 1))
    for name, images in sets.items():
        found = measure_all(reference, images, known)
        print(f"| {name} | " + " | ".join(f"{found[key].value:.3g}" for key in KEYS) + " |", flush=True)


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
