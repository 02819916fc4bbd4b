"""Tensors of the Open Inference Protocol: as JSON, and as the bytes of Triton's binary tensor data extension.

Both are row-major; bytes are little-endian, without padding.
"""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "FP32": np.dtype("<f4"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
}
"""The datatypes that are read, of those that the protocol names."""


def tensor_of_bytes(datatype: str, shape: Sequence[int], content: bytes) -> NDArray[Any]:
    """The tensor that bytes hold; not to be written to.

    Raises:
        ValueError: there are more or fewer bytes than the tensor has, or numbers that are not finite.
    """
    dtype = DTYPES[datatype]
    needed = math.prod(shape) * dtype.itemsize
    if len(content) != needed:
        raise ValueError(f"{datatype} {list(shape)} takes {needed} bytes, got {len(content)}")
    return _finite(np.frombuffer(content, dtype).reshape(shape))


def tensor_of_json(datatype: str, shape: Sequence[int], data: object) -> NDArray[Any]:
    """The tensor of nested lists, or of one flat list, of numbers.

    Raises:
        ValueError: lists of other lengths than the shape, or something else than numbers that the datatype can hold.
    """
    dtype = DTYPES[datatype]
    flat = not (isinstance(data, list) and data and isinstance(data[0], list))
    numbers = _numbers(data, [math.prod(shape)] if flat else shape)
    allowed = {float, int} if dtype.kind == "f" else {int}
    if not allowed >= set(map(type, numbers)):
        raise ValueError("numbers are needed" if dtype.kind == "f" else "whole numbers are needed")
    try:
        values = np.array(numbers, np.float64 if dtype.kind == "f" else dtype).reshape(shape)
    except OverflowError:
        raise ValueError(f"a number is too large for {datatype}") from None
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return _finite(values.astype(dtype))


def _numbers(data: object, shape: Sequence[int]) -> list[Any]:
    """What lies in lists that are nested as a shape says."""
    level: list[Any] = [data]
    for size in shape:
        for each in level:
            if not isinstance(each, list) or len(each) != size:
                got = f"one of {len(each)}" if isinstance(each, list) else "something else"
                raise ValueError(f"a list of {size} is needed where there is {got}")
        level = list(chain.from_iterable(level))
    return level


def _finite(tensor: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(tensor).all():
        raise ValueError("all numbers must be finite")
    return tensor


def json_of(pixels: NDArray[np.uint8]) -> bytes:
    """An array of one axis or more, none of them empty, as JSON, in nested lists.

    Every number takes three characters, filled up with spaces, so that it is a look-up in a table: for 64 images of
    64 pixels 20 ms on a busy core, where lists of numbers and Python's own encoder take 290.
    """
    text = _NUMBERS[pixels]  # [..., length, 4], each with its comma
    for _ in range(pixels.ndim):
        text = text.reshape(*text.shape[:-2], -1)
        text[..., -1] = ord("]")
        edges = np.empty((*text.shape[:-1], 1), np.uint8)
        text = np.concatenate([edges, text, edges], axis=-1)
        text[..., 0], text[..., -1] = ord("["), ord(",")
    return text.tobytes()[:-1]


_NUMBERS: Final = np.frombuffer("".join(f"{number:3d}," for number in range(256)).encode(), np.uint8).reshape(256, 4)
