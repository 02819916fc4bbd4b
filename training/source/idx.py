"""IDX, the format of MNIST and Fashion-MNIST as they are published (yann.lecun.com/exdb/mnist), gzipped or not.

Two zero bytes, the type of the numbers (8: uint8), how many dimensions, each dimension as 4 bytes with the highest
first, and then the numbers.
"""

import gzip
import math
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from training.source.arrays import MAX_DEFLATE, array_entries, check_size
from training.source.entry import DataError, Entry

UINT8 = 8
GZIP = b"\x1f\x8b"


def idx_entries(path: Path) -> list[Entry]:
    """The images of an IDX file.

    Raises:
        DataError: it is cut off, or holds anything but images of uint8.
    """
    shape = _header(path)
    if len(shape) == 1:
        raise DataError(
            f"{path} holds {shape[0]:,} labels and no images; give the images file, its labels lie beside it"
        )
    return array_entries(path, shape, partial(_load, path), str(path))


def idx_labels(path: Path) -> NDArray[np.uint8]:
    """The labels, uint8 [count], that lie beside an IDX file of images, under MNIST's names.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    stem = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [file for file in (path.with_name(stem), path.with_name(f"{stem}.gz")) if file.is_file() and file != path]
    if not beside:
        raise DataError(f"{path} has no labels beside it: looked for {stem} and {stem}.gz")
    if len(_header(beside[0])) != 1:
        raise DataError(f"{beside[0]} holds images, not labels")
    return _load(beside[0])


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _header(path: Path) -> tuple[int, ...]:
    """The shape that the file says it has, checked against what it can hold."""
    try:
        with _open(path) as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UINT8 or not 1 <= magic[3] <= 4:
                raise DataError(f"{path} is no IDX file of uint8: it begins with {magic.hex(' ') or 'nothing'}")
            sizes = file.read(4 * magic[3])
            packed = isinstance(file, gzip.GzipFile)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be unpacked: {error}") from error
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{path} is cut off in its header")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    room = path.stat().st_size * MAX_DEFLATE if packed else path.stat().st_size - 4 - len(sizes)
    check_size(shape, 1, room, str(path))
    return shape


def _load(path: Path) -> NDArray[np.uint8]:
    shape = _header(path)
    begin, size = 4 + 4 * len(shape), math.prod(shape)
    try:
        with _open(path) as file:
            file.read(begin)
            content = file.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be unpacked: {error}") from error
    if len(content) != size:
        raise DataError(f"{path} is {'cut off' if len(content) < size else 'longer than it says'}: {list(shape)}")
    return np.frombuffer(content, np.uint8).reshape(shape)
