"""Images in memory: decoded once, cached as uint8, and drawn in an order that depends on the seed alone."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

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
    data = _cached(pixels, facts)
    if data is None:
        _decode_into(path, entries, (resolution, channels), pixels, facts, progress)
        data = _cached(pixels, facts)
    if data is None:
        raise OSError(f"{pixels} was written and cannot be read back")
    return replace(data, facts=replace(data.facts, source=str(path)))  # a copy elsewhere has the same key


def _cached(pixels: Path, facts: Path) -> ImageSet | None:
    """What an earlier call has written, or None if there is nothing, or nothing whole."""
    try:
        data = ImageSet(np.load(pixels, mmap_mode="r"), _read_facts(facts))
    except (OSError, EOFError, ValueError, TypeError, KeyError):
        return None
    return data if len(data.images) == data.facts.count else None


def _cache_key(path: Path, entries: list[Entry], resolution: int, channels: int) -> str:
    lines = [f"{CACHE_VERSION} {resolution} {channels} {path.name}", *(f"{e.name} {e.stamp}" for e in entries)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _decode_into(
    path: Path, entries: list[Entry], shape: tuple[int, int], pixels: Path, facts: Path, progress: Progress
) -> None:
    contents, unreadable, count = hashlib.sha256(), [], 0
    pixels.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(pixels) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata in files that decode well
        _write_header(file, 0, *shape)
        for done, (entry, image, digest) in enumerate(_decoded(entries, *shape), start=1):
            if isinstance(image, str):
                unreadable.append((entry.name, image))
            else:
                file.write(image.tobytes())
                contents.update(f"{entry.name} {digest}\n".encode("utf-8", "surrogateescape"))
                count += 1
            progress(done, len(entries))
        if not count:
            name, reason = unreadable[0]
            raise DataError(f"none of the {len(entries)} images of {path} can be read; the first, {name}: {reason}")
        file.seek(0)
        _write_header(file, count, *shape)
    found = DataFacts(str(path), count, f"sha256:{contents.hexdigest()}", tuple(unreadable))
    with _replacing(facts) as file:
        file.write(json.dumps(asdict(found)).encode())


def _write_header(file: IO[bytes], count: int, resolution: int, channels: int) -> None:
    """The header of an .npy file; NumPy leaves room in it, so that its length does not depend on the count."""
    shape = (count, resolution, resolution, channels)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


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


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to be written that takes the place of `path` when it is whole."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).rename(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        Path(name).unlink(missing_ok=True)


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
