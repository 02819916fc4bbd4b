"""A small network that tells the classes of a data set apart, and says "none of them" of what is no such image.

It is trained on the spot and kept in the cache. Beside the data's K classes it has a class of its own, the last, for
images that show none: blends, collages, mosaics and blots made of the training images. Without it a network is sure
of some class for any fog.
"""

import hashlib
import math
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.measures.distortions import SIDE, jittered, shrink, spoiled
from training.measures.images import Floats, Images

Labels = NDArray[np.int32]

CLASSIFIER_VERSION: Final = 1
"""Changes when the network or its training does, so that no old one is taken from the cache."""

WIDTH: Final = 32
BATCH: Final = 64
NONE: Final = 16
"""Further images of a batch, that show no class."""
STEPS: Final = 1000
"""Of 64 labelled images each: three epochs of 20,000."""
MOST: Final = 20_000
"""Labelled images that are looked at, drawn at random from more."""
LEARNING_RATE: Final = 2e-3
AT_ONCE: Final = 256
FEWEST: Final = 10
"""Images a class, on the average."""
HELD_BACK: Final = 0.1
"""The share of the labelled images that is not trained on, to say how often the network is right."""


@dataclass(frozen=True)
class Classifier:
    """A trained network. `accuracy`: the share right of the labelled images that were held back, 0 … 1."""

    network: keras.Model
    class_names: tuple[str, ...]
    accuracy: float

    def probabilities(self, images: Images) -> Floats:
        """uint8 [n, h, w, c] → float32 [n, K + 1]: of each class, and last of none; the rows sum to 1."""
        return self.of_small(shrink(images))

    def of_small(self, images: Floats) -> Floats:
        """The same of what `shrink` answers, float32 [n, 32, 32, c]."""
        parts = (self.network(images[i : i + AT_ONCE], training=False) for i in range(0, len(images), AT_ONCE))
        return np.concatenate([tf.nn.softmax(part).numpy() for part in parts])


def train_classifier(
    images: Images, labels: Labels, class_names: tuple[str, ...], seed: int = 0, steps: int = STEPS
) -> Classifier:
    """Train on labelled images.

    Args:
        images: uint8 [n, h, h, c], an array or what is read as one; h a power of two from 16 on.
        labels: int32 [n], 0 … K − 1.
        class_names: the K classes.
        seed: of the weights, the batches and which images are held back.
        steps: of 64 images.

    Raises:
        ValueError: fewer than two classes, or too few images to hold any back.
    """
    if len(class_names) < 2 or len(labels) < FEWEST * len(class_names):
        raise ValueError(
            f"{len(labels)} images of {len(class_names)} classes are too few for a classifier of them; two classes "
            f"and {FEWEST} images a class are the least"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))[:MOST]
    small, labels = shrink(images[order]), labels[order].astype(np.int32)
    held = int(HELD_BACK * len(order))
    network = _network(small.shape[-1], len(class_names) + 1, seed)
    _fit(network, small[held:], labels[held:], len(class_names), rng, steps)
    classifier = Classifier(network, class_names, 0.0)
    right = classifier.of_small(small[:held])[:, :-1].argmax(1) == labels[:held]
    return Classifier(network, class_names, float(right.mean()))


def _network(channels: int, outputs: int, seed: int) -> keras.Model:
    layers: list[keras.layers.Layer] = [keras.Input((SIDE, SIDE, channels))]
    for i, (width, stride) in enumerate([(WIDTH, 2), (2 * WIDTH, 2), (4 * WIDTH, 2)]):
        weights = keras.initializers.HeNormal(seed=seed * 100 + i)
        layers += [
            keras.layers.Conv2D(
                width, 4 if i == 0 else 3, strides=stride, padding="same", use_bias=False, kernel_initializer=weights
            ),
            keras.layers.BatchNormalization(momentum=0.95),
            keras.layers.ReLU(),
        ]
    last = keras.initializers.GlorotUniform(seed=seed * 100 + 99)
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(outputs, kernel_initializer=last)])


def _fit(
    network: keras.Model, images: Floats, labels: Labels, classes: int, rng: np.random.Generator, steps: int
) -> None:
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(x: tf.Tensor, y: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)

    for k in range(steps):
        optimizer.learning_rate.assign(LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * k / steps)))
        x, y = _batch(images, labels, classes, rng)
        step(tf.constant(x), tf.constant(y))


def _batch(images: Floats, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Images of classes, then images of none, whose label is `classes`."""
    some = rng.integers(0, len(images), BATCH)
    first, second = rng.integers(0, len(images), (2, NONE))
    none = spoiled(images[first], images[second], labels[first] != labels[second], rng)
    y = np.concatenate([labels[some], np.full(NONE, classes, np.int32)])
    return jittered(np.concatenate([images[some], none]), rng), y


def cached_classifier(
    cache: Path,
    images: Images,
    labels: Labels,
    class_names: tuple[str, ...],
    digest: str,
    key: str,
    steps: int = STEPS,
) -> Classifier:
    """The classifier of a data set's labels from the cache, trained and put there where it is missing.

    Args:
        cache: the folder.
        images: uint8 [n, h, h, c], an array or what is read as one.
        labels: int32 [n].
        class_names: the classes.
        digest: of the data set.
        key: the label's name, such as "hair".
        steps: as `train_classifier`.

    Raises:
        ValueError: as `train_classifier`.
        OSError: the cache cannot be written.
    """
    told = f"{CLASSIFIER_VERSION} {digest} {key} {images.shape} {class_names} {steps}"
    path = cache / f"classifier-{hashlib.sha256(told.encode()).hexdigest()[:32]}.npz"
    network = _network(images.shape[-1], len(class_names) + 1, 0)
    try:
        with path.open("rb") as file, np.load(file) as saved:
            network.set_weights([saved[f"w{i}"] for i in range(len(network.get_weights()))])
            return Classifier(network, class_names, float(saved["accuracy"]))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # there is none, or none that is whole
    classifier = train_classifier(images, labels, class_names, steps=steps)
    _save(path, classifier)
    return classifier


def _save(path: Path, classifier: Classifier) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"w{i}": w for i, w in enumerate(classifier.network.get_weights())}
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, accuracy=np.float64(classifier.accuracy), **arrays)
        Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)
