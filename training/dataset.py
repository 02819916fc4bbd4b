"""Images in memory: decoded once, cached as uint8, and drawn in an order that depends on the seed alone."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cache import Cache, DataFacts, Progress
from training.source import DataError, open_source

__all__ = ["DataFacts", "ImageSet", "Progress", "Selection", "Shuffled", "hold_out", "load_images"]


class Selection:
    """Some rows of mapped images, in the order of `index`; read when they are asked for, never copied as a whole."""

    def __init__(self, images: NDArray[np.uint8], index: NDArray[np.int64]) -> None:
        self._images, self._index = images, index
        self.shape: tuple[int, ...] = (len(index), *images.shape[1:])
        self.dtype = images.dtype

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, rows: int | slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        chosen: NDArray[np.uint8] = self._images[self._index[rows]]
        return chosen

    def select(self, index: NDArray[np.int64]) -> "Selection":
        """Some of these rows."""
        return Selection(self._images, self._index[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class ImageSet:
    """Images, ready to be trained on.

    `images`: uint8 [count, resolution, resolution, channels], mapped from the cache file, or a selection of that;
    both are read as `images[indices]`, and `images[:]` is an array of all. `labels`: int32 [count], numbers of
    `class_names`, or None. `groups`: int32 [count]; duplicates and near duplicates have the same number.
    """

    images: NDArray[np.uint8] | Selection
    facts: DataFacts
    labels: NDArray[np.int32] | None = None
    class_names: tuple[str, ...] = ()
    groups: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        if not len(self.groups):  # unknown: each image is alone
            object.__setattr__(self, "groups", np.arange(len(self.images), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def digest(self) -> str:
        """Of the files' contents, and of the labels where there are any."""
        if self.labels is None:
            return self.facts.digest
        digest = hashlib.sha256("\0".join((self.facts.digest, *self.class_names)).encode("utf-8", "surrogateescape"))
        digest.update(self.labels.astype("<i4").tobytes())
        return f"sha256:{digest.hexdigest()}"

    @property
    def class_shares(self) -> tuple[float, ...]:
        """The share of each class in the images; empty where there are no labels."""
        if self.labels is None:
            return ()
        return tuple((np.bincount(self.labels, minlength=len(self.class_names)) / len(self)).tolist())

    def select(self, index: NDArray[np.int64]) -> "ImageSet":
        """The images of an index, int64 [n], in its order; `facts` keep the digest of the whole."""
        images = self.images
        return ImageSet(
            images.select(index) if isinstance(images, Selection) else Selection(images, index),
            replace(self.facts, count=len(index)),
            None if self.labels is None else self.labels[index],
            self.class_names,
            self.groups[index],
        )


def load_images(
    path: Path, resolution: int, channels: int, cache: Path, progress: Progress = lambda done, total: None,
    labels: str | None = None,
) -> ImageSet:  # fmt: skip
    """Decode a folder, zip, .npz or IDX file, or take it from the cache if nothing has changed.

    The cache knows the source by every file's name, size and time (in a zip, its CRC). Labels are read anew each time.

    Args:
        path: of the images.
        resolution: pixels, of both sides.
        channels: 1 grey, 3 RGB, 4 RGBA.
        cache: the folder of decoded images.
        progress: called with how many images are decoded of how many; not called where they come from the cache.
        labels: None; "folders", the first folder below the root (or below the folders that all have in common);
            a key of `dataset.jsonl` in the root of the folder or zip; for an .npz the name of an array, or "labels"
            for the one that goes with the images; for IDX "labels", the file beside it.

    Raises:
        DataError: nothing usable; says what was looked for and what was wrong with what was found.
        OSError: the cache cannot be written, or the source cannot be read.
    """
    source = open_source(path)
    files = Cache(cache, source, resolution, channels)
    images, facts = files.pixels(progress)
    facts = replace(facts, source=str(path))  # a copy elsewhere has the same key
    groups = files.duplicates(images).groups
    if labels is None:
        return ImageSet(images, facts, groups=groups)
    numbers, names = source.labels(labels, frozenset(name for name, _ in facts.unreadable))
    return ImageSet(images, facts, numbers, names, groups)


def hold_out(data: ImageSet, share: float, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Split images into those to train on and those held out, so that no duplicate of one is among the others.

    Whole duplicate groups are drawn, in an order that depends on the seed alone, as long as they fit into
    ⌈share · count⌉ images; where none fits, the smallest is held out. Both sides keep the order of the images.

    Args:
        data: the images.
        share: of them to be held out, 0 ≤ share < 1; for 0 nothing is.
        seed: of the draw; the same for all runs on the data, so that they compare.

    Returns:
        What to train on and what is held out, neither of them copied.

    Raises:
        DataError: all images are duplicates of each other.
        ValueError: `share` is no share.
    """
    if not 0 <= share < 1:
        raise ValueError(f"a share of {share} cannot be held out: 0 ≤ share < 1")
    _, group_of, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    held = np.zeros(len(sizes), bool)
    if share:
        if len(sizes) < 2:
            raise DataError(f"{data.facts.source}: nothing can be held out: all images are duplicates of each other")
        room = min(int(np.ceil(share * len(data))), len(data) - 1)
        for group in np.random.default_rng([seed, 1]).permutation(len(sizes)):
            if sizes[group] <= room:
                held[group] = True
                room -= sizes[group]
        if not held.any():
            held[sizes.argmin()] = True
    out = held[group_of]
    return data.select(np.flatnonzero(~out)), data.select(np.flatnonzero(out))


class Shuffled:
    """An endless stream of image indices: every epoch a new permutation of all, a function of the seed alone."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def indices(self, position: int, length: int) -> NDArray[np.int64]:
        """The indices at `position` … `position + length − 1` of the stream, across epochs."""
        parts = []
        while length > 0:
            epoch, start = divmod(position, self.count)
            part = self._permutation(epoch)[start : start + length]
            parts.append(part)
            position, length = position + len(part), length - len(part)
        return np.concatenate(parts)

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return self._order
