"""Decoded images on disk: uint8 pixels in one .npy file that is mapped, with what is known of them beside it.

    runs/cache/KEY.npy          uint8 [count, resolution, resolution, channels]
    runs/cache/KEY.json         DataFacts
    runs/cache/KEY.groups.npy   int32 [2, count]: see training/duplicates.py

KEY is made from every image's name, size and time (in a zip, its CRC), so a changed source has another.
"""

import hashlib
import json
import os
import secrets
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.duplicates import Duplicates, find_duplicates
from training.source import Content, DataError, Entry, Source, decode

CACHE_VERSION = 2
"""Changes when decoding does, so that no old cache is taken."""
DUPLICATES_VERSION = 1
"""Changes when the search for duplicates does."""

BATCH = 32
"""Images that a thread decodes at a time."""
AHEAD = 16
"""Batches that are begun before the first of them is written."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DataFacts:
    """What is known of a data set.

    `unreadable` are names with the reason. `digest` is of the files' contents.
    """

    source: str
    count: int
    digest: str
    unreadable: tuple[tuple[str, str], ...]


class Decoded(NamedTuple):
    """What became of an entry: pixels and the digest of its content, or why not; `passing` if that may change."""

    entry: Entry
    pixels: NDArray[np.uint8] | None
    digest: str = ""
    reason: str = ""
    passing: bool = False


class Cache:
    """The files of one source at one resolution and number of channels."""

    def __init__(self, folder: Path, source: Source, resolution: int, channels: int) -> None:
        self._source, self._shape = source, (resolution, resolution, channels)
        key = _key(source, resolution, channels)
        self._pixels, self._facts = folder / f"{key}.npy", folder / f"{key}.json"
        self._groups = folder / f"{key}.groups-{DUPLICATES_VERSION}.npy"

    def pixels(self, progress: Progress) -> tuple[NDArray[np.uint8], DataFacts]:
        """The images, mapped, and what is known of them; decoded first if nothing, or nothing whole, is there.

        Raises:
            DataError: none of the images can be read.
            OSError: the cache cannot be written; names the file.
        """
        found = self._read()
        if found is None:
            self._write(progress)
            found = self._read(fresh=True)
        if found is None:
            raise OSError(f"{self._pixels} was written and cannot be read back")
        return found

    def duplicates(self, images: NDArray[np.uint8]) -> Duplicates:
        """The duplicates among the images, searched for the first time only."""
        try:
            found = np.load(self._groups)
            if found.dtype == np.int32 and found.shape == (2, len(images)):
                return Duplicates(*found)
        except (OSError, EOFError, ValueError):
            pass
        duplicates = find_duplicates(images)
        with replacing(self._groups) as file:
            np.save(file, np.stack(duplicates))
        return duplicates

    def _read(self, fresh: bool = False) -> tuple[NDArray[np.uint8], DataFacts] | None:
        """What is there and whole; unless it has just been written, not where a file may be readable now."""
        try:
            images = np.load(self._pixels, mmap_mode="r")
            saved = json.loads(self._facts.read_text())
            passing = saved.pop("passing")
            facts = DataFacts(**saved | {"unreadable": tuple(map(tuple, saved["unreadable"]))})
        except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError):
            return None
        whole = images.dtype == np.uint8 and images.shape == (facts.count, *self._shape)
        return (images, facts) if whole and (fresh or not passing) else None

    def _write(self, progress: Progress) -> None:
        entries, contents, failures = self._source.entries, hashlib.sha256(), []
        self._pixels.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._pixels) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata in files that decode well
            _write_header(file, (0, *self._shape))
            for done, image in enumerate(_decoded(entries, self._shape), start=1):
                if image.pixels is None:
                    failures.append(image)
                else:
                    file.write(image.pixels.tobytes())
                    contents.update(_bytes(f"{image.entry.name} {image.digest}\n"))
                progress(done, len(entries))
            if len(failures) == len(entries):
                raise DataError(
                    f"none of the {len(entries)} images of {self._source.path} can be read; the first, "
                    f"{failures[0].entry.name}: {failures[0].reason}"
                )
            count = len(entries) - len(failures)
            file.seek(0)
            _write_header(file, (count, *self._shape))
        unreadable = tuple((failure.entry.name, failure.reason) for failure in failures)
        facts = DataFacts(str(self._source.path), count, f"sha256:{contents.hexdigest()}", unreadable)
        with replacing(self._facts) as file:
            file.write(json.dumps(asdict(facts) | {"passing": any(f.passing for f in failures)}).encode())


def _key(source: Source, resolution: int, channels: int) -> str:
    parts = [f"{CACHE_VERSION} {resolution} {channels}", source.path.name]
    parts += [part for entry in source.entries for part in (entry.name, entry.stamp)]
    return hashlib.sha256(_bytes("\0".join(parts))).hexdigest()[:32]  # no name of a file holds a NUL


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """The header of an .npy file; NumPy leaves room in it, so that its length does not depend on the count."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _decoded(entries: list[Entry], shape: tuple[int, int, int]) -> Iterator[Decoded]:
    """The entries in their order, decoded by all cores, a bounded number of them ahead."""

    def work(start: int) -> list[Decoded]:
        return [_decode(entry, shape) for entry in entries[start : start + BATCH]]

    waiting: deque[Future[list[Decoded]]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for start in range(0, len(entries), BATCH):
                waiting.append(pool.submit(work, start))
                if len(waiting) == AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _decode(entry: Entry, shape: tuple[int, int, int]) -> Decoded:
    try:
        content = entry.read()
    except DataError:
        raise
    except Exception as error:  # a damaged zip member or a file that is gone is named, not fatal
        return Decoded(entry, None, reason=str(error), passing=isinstance(error, OSError | MemoryError))
    try:
        return Decoded(entry, decode(content, shape[0], shape[2]), _digest(content))
    except ValueError as error:
        return Decoded(entry, None, reason=str(error))


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"{content.shape}".encode() + content.tobytes()).hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to be written that takes the place of `path` when it is whole; nothing is left where it fails.

    Raises:
        OSError: it cannot be written; names `path`.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):  # as where the folder is none, which is the error that is raised
            beside.unlink(missing_ok=True)
