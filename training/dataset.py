"""Images in memory: decoded once, cached as uint8, and drawn in an order that depends on the seed alone."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.source import DataError, Entry, decode, list_entries

CACHE_VERSION = 1
"""Changes when decoding does, so that no old cache is taken."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DataFacts:
    """What is known of a data set. `unreadable` are names with the reason; `digest` is of the files' contents."""

    source: str
    count: int
    digest: str
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ImageSet:
    """`images`: uint8 [count, resolution, resolution, channels], mapped from the cache file."""

    images: NDArray[np.uint8]
    facts: DataFacts


def load_images(
    path: Path, resolution: int, channels: int, cache: Path, progress: Progress = lambda done, total: None
) -> ImageSet:
    """Decode a folder or zip of images, or take them from the cache if nothing has changed.

    The cache knows the source by every file's name, size and time (in a zip, its CRC).

    Raises:
        DataError: nothing usable; says what was looked for and what was wrong with what was found.
        OSError: the cache cannot be written.
    """
    entries = list_entries(path)
    key = _cache_key(path, entries, resolution, channels)
    pixels, facts = cache / f"{key}.npy", cache / f"{key}.json"
    if not (pixels.exists() and facts.exists()):
        _decode_into(path, entries, (resolution, channels), pixels, facts, progress)
    return ImageSet(np.load(pixels, mmap_mode="r"), _read_facts(facts))


def _cache_key(path: Path, entries: list[Entry], resolution: int, channels: int) -> str:
    lines = [f"{CACHE_VERSION} {resolution} {channels} {path.name}", *(f"{e.name} {e.stamp}" for e in entries)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _decode_into(
    path: Path, entries: list[Entry], shape: tuple[int, int], pixels: Path, facts: Path, progress: Progress
) -> None:
    images, contents, unreadable = [], hashlib.sha256(), []
    for done, (entry, image, digest) in enumerate(_decoded(entries, *shape), start=1):
        if isinstance(image, str):
            unreadable.append((entry.name, image))
        else:
            images.append(image)
            contents.update(f"{entry.name} {digest}\n".encode("utf-8", "surrogateescape"))
        progress(done, len(entries))
    if not images:
        name, reason = unreadable[0]
        raise DataError(f"none of the {len(entries)} images of {path} can be read; the first, {name}: {reason}")
    found = DataFacts(str(path), len(images), f"sha256:{contents.hexdigest()}", tuple(unreadable))
    pixels.parent.mkdir(parents=True, exist_ok=True)
    _write(pixels, lambda file: np.save(file, np.stack(images)))
    _write(facts, lambda file: file.write(json.dumps(asdict(found)).encode()))


def _decoded(
    entries: list[Entry], resolution: int, channels: int
) -> Iterator[tuple[Entry, NDArray[np.uint8] | str, str]]:
    def work(entry: Entry) -> tuple[Entry, NDArray[np.uint8] | str, str]:
        try:
            content = entry.read()
            return entry, decode(content, resolution, channels), hashlib.sha256(content).hexdigest()
        except Exception as error:  # a damaged zip member or file is named, not fatal
            return entry, str(error), ""

    with ThreadPoolExecutor() as pool:
        yield from pool.map(work, entries)


def _write(path: Path, write: Callable[[Any], object]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read_facts(path: Path) -> DataFacts:
    facts = json.loads(path.read_text())
    return DataFacts(**facts | {"unreadable": tuple(map(tuple, facts["unreadable"]))})


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
