"""A NumPy archive (.npz) of images, and of labels if there are any. Nothing in it is ever unpickled."""

import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from training.source.archive import open_archive
from training.source.arrays import MAX_DEFLATE, array_entries, check_size
from training.source.entry import DataError, Entry

PAIRS = (
    ("images", "labels"), ("x", "y"), ("x_train", "y_train"), ("train_images", "train_labels"), ("data", "labels"),
    ("arr_0", "arr_1"),
)  # fmt: skip
"""Names of an array of images and of that of their labels, in the order in which they are looked for: our own,
Keras's mnist.npz, MedMNIST's, and `np.savez` without names."""


class Header(NamedTuple):
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def is_npz(archive: zipfile.ZipFile) -> bool:
    """Whether a zip holds arrays and nothing else."""
    names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def npz_entries(path: Path) -> list[Entry]:
    """The images of an .npz: the array `images`, `x`, `x_train`, `train_images`, `data` or `arr_0`, or the only one
    that can be images by its shape.

    Raises:
        DataError: none of that, or a damaged one; lists what there is.
    """
    headers = _headers(path)
    name = _images_name(path, headers)
    where = f"{path}, array {name!r}"
    if headers[name].dtype.hasobject:
        raise DataError(f"{where} holds Python objects, which are never unpickled; save it as numbers")
    return array_entries(path, headers[name].shape, partial(_load, path, name), where)


def npz_labels(path: Path, key: str) -> NDArray[Any]:
    """The labels of an .npz: the array of that name; for "labels" also the one that goes with the images.

    Raises:
        DataError: there is none; lists what there is.
    """
    headers = _headers(path)
    pairs = dict(PAIRS)
    partner = pairs.get(_images_name(path, headers).lower(), "labels")
    for name in headers:
        if name == key or (key == "labels" and key not in headers and name.lower() in (partner, "y")):
            if headers[name].dtype.hasobject:
                raise DataError(f"{path}, array {name!r} holds Python objects, which are never unpickled")
            return _load(path, name)
    raise DataError(f"{path} has no array of labels {key!r}; {_listed(headers)}")


def _images_name(path: Path, headers: dict[str, Header]) -> str:
    for wanted, _ in PAIRS:
        for name in headers:
            if name.lower() == wanted:
                return name
    like_images = [name for name, header in headers.items() if len(header.shape) in (3, 4)]
    if len(like_images) == 1:
        return like_images[0]
    raise DataError(f"{path}: which array holds the images? {_listed(headers)}; name it 'images'")


def _listed(headers: dict[str, Header]) -> str:
    arrays = [f"{name!r} {header.dtype} {list(header.shape)}" for name, header in headers.items()]
    return f"it has {', '.join(arrays)}"


def _headers(path: Path) -> dict[str, Header]:
    with open_archive(path) as archive:
        return {info.filename.removesuffix(".npy"): _header(archive, info, path) for info in archive.infolist()}


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Header:
    where = f"{path}, array {info.filename.removesuffix('.npy')!r}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} is packed in a way that NumPy does not write")
    try:
        with archive.open(info) as file:
            read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            begin = file.tell()
    except Exception as error:  # NumPy parses a header as Python, and raises whatever that does
        raise DataError(f"{where} cannot be read: {error}") from error
    room = min(info.file_size - begin, path.stat().st_size * MAX_DEFLATE)
    if not dtype.hasobject:
        check_size(shape, dtype.itemsize, room, where)
    return Header(shape, dtype)


def _load(path: Path, name: str) -> NDArray[Any]:
    try:
        with open_archive(path) as archive, archive.open(f"{name}.npy") as file:
            array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}, array {name!r} cannot be read: {error}") from error
    return array
