"""A file that holds one array of images: what .npz and IDX have in common."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.source.decoding import MAX_PIXELS
from training.source.entry import DataError, Entry

MAX_ARRAY_BYTES = 16 * 2**30
"""The largest array that is taken into memory, in bytes."""
MAX_DEFLATE = 1032
"""How many times a deflated file can grow at most (zlib's technical details): a header that says more lies."""

CHANNELS = ((1,), (3,), (4,))

_AT_ONCE = 1024
"""Images that are converted at once, so that a float array needs little more memory than it has."""


class LazyArray:
    """Images that are loaded when the first is asked for: a run that starts from the cache never loads them."""

    def __init__(self, load: Callable[[], NDArray[Any]], where: str) -> None:
        self._load, self._where, self._lock = load, where, Lock()
        self._images: NDArray[np.uint8] | None = None

    def image(self, index: int) -> NDArray[np.uint8]:
        """uint8 [height, width, channels]."""
        with self._lock:
            if self._images is None:
                self._images = as_images(self._load(), self._where)
            image: NDArray[np.uint8] = self._images[index]
            return image


def array_entries(path: Path, shape: tuple[int, ...], load: Callable[[], NDArray[Any]], where: str) -> list[Entry]:
    """One entry for each image of an array, named by its number; `where` names the array in errors."""
    layout_of(shape, where)
    stat, images = path.stat(), LazyArray(load, where)
    stamp, digits = f"{stat.st_size} {stat.st_mtime_ns}", max(5, len(str(shape[0] - 1)))
    return [Entry(f"{i:0{digits}d}", stamp, partial(images.image, i)) for i in range(shape[0])]


def layout_of(shape: tuple[int, ...], where: str) -> str:
    """How an array of images is laid out: "NHW", "NHWC" or "NCHW", with 1, 3 or 4 channels.

    Where both are possible it is NHWC.

    Raises:
        DataError: another shape, or no images.
    """
    layout = "NHW" if len(shape) == 3 else "NHWC" if shape[3:4] in CHANNELS else "NCHW"
    if len(shape) not in (3, 4) or (layout == "NCHW" and shape[1:2] not in CHANNELS):
        raise DataError(
            f"{where} has the shape {list(shape)}; images are [count, height, width], [count, height, width, channels] "
            "or [count, channels, height, width] with 1, 3 or 4 channels"
        )
    height, width = shape[2:4] if layout == "NCHW" else shape[1:3]
    if min(shape) < 1:
        raise DataError(f"{where} holds no images: its shape is {list(shape)}")
    if height * width > MAX_PIXELS:
        raise DataError(f"{where}: images of {height} × {width} pixels are more than {MAX_PIXELS}")
    return layout


def as_images(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Any array of images as uint8 [count, height, width, channels]; without a copy where it is that already.

    Whole numbers must lie in 0 … 255, floats in 0 … 1; booleans become 0 and 255.

    Raises:
        DataError: another shape, type or range; says which.
    """
    layout = layout_of(array.shape, where)
    if layout == "NHW":
        array = array[..., None]
    elif layout == "NCHW":
        array = np.moveaxis(array, 1, 3)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iufb":
        raise DataError(f"{where} is of type {array.dtype}; images are whole numbers 0 … 255 or floats 0 … 1")
    images = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        images[part] = _eight_bits(array[part], where)
    return images


def _eight_bits(part: NDArray[Any], where: str) -> NDArray[np.uint8]:
    top = 255 if part.dtype.kind in "iu" else 1
    low, high = part.min(), part.max()
    if not (low >= 0 and high <= top):  # so written that NaN fails
        hint = "" if top == 255 else "; of another range it cannot be known which number is black and which is white"
        raise DataError(f"{where} is {part.dtype} from {low} to {high}, where 0 … {top} is expected{hint}")
    return (part if top == 255 else np.rint(part * np.float32(255))).astype(np.uint8)


def check_size(shape: tuple[int, ...], itemsize: int, room: int, where: str) -> int:
    """The bytes of an array, if a file can hold it: `room` bytes at most, and no more than 16 GiB.

    Raises:
        DataError: the header claims more.
    """
    size = math.prod(shape) * itemsize
    if size > room:
        raise DataError(f"{where} is cut off or damaged: {list(shape)} is {size:,} bytes, and it can hold {room:,}")
    if size > MAX_ARRAY_BYTES:
        raise DataError(f"{where}: {size:,} bytes are more than {MAX_ARRAY_BYTES:,}; give the images as files instead")
    return size
