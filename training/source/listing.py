"""What is at a path: its images, and how their labels are found."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.source.archive import archive_entries, open_archive
from training.source.entry import MAX_BYTES, SUFFIXES, DataError, Entry
from training.source.folder import folder_entries
from training.source.idx import GZIP, idx_entries, idx_labels
from training.source.labels import FOLDERS, JSONL, array_labels, classes, common_folder, folder_labels, jsonl_labels
from training.source.npz import is_npz, npz_entries, npz_labels

KINDS = "a folder of images or a zip of them, an .npz, or an IDX file such as train-images-idx3-ubyte.gz"


@dataclass(frozen=True)
class Source:
    """Images that are not decoded yet, sorted by name, and how their labels are found."""

    path: Path
    entries: list[Entry]
    _labels: Callable[[str, Sequence[str]], list[str | None]]

    def labels(self, key: str, left_out: frozenset[str]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """The labels of all images but those left out, int32 [count], and the class names.

        Args:
            key: "folders", a key of `dataset.jsonl`, the name of an array, or "labels" for the labels beside arrays.
            left_out: names of images that cannot be read.

        Raises:
            DataError: there are none of that kind, or not for every image; says what there is.
        """
        names = [entry.name for entry in self.entries]
        labelled = [pair for pair in zip(names, self._labels(key, names), strict=True) if pair[0] not in left_out]
        return classes([label for _, label in labelled], [name for name, _ in labelled], f"{self.path}, labels {key!r}")


def open_source(path: Path) -> Source:
    """The images of a folder, a zip, an .npz or an IDX file, told apart by content, not by name.

    Raises:
        DataError: the path does not exist, is none of these, or holds no images.
        OSError: it cannot be read.
    """
    if path.is_dir():
        return _of_files(path, folder_entries(path), partial(_file_of_folder, path))
    if not path.is_file():
        raise DataError(f"{path} {'is no file' if path.exists() else 'does not exist'}; --data takes {KINDS}")
    with path.open("rb") as file:
        begin = file.read(4)
    if begin[:2] == GZIP or begin[:2] == b"\0\0":
        return Source(path, idx_entries(path), partial(_idx_labels, path))
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is neither a folder nor a readable zip, .npz or IDX file")
    archive = open_archive(path)
    if is_npz(archive):
        archive.close()
        return Source(path, npz_entries(path), partial(_npz_labels, path))
    return _of_files(path, archive_entries(archive), partial(_file_of_archive, archive))


def list_entries(path: Path) -> list[Entry]:
    """The entries of `open_source`."""
    return open_source(path).entries


def _of_files(path: Path, entries: list[Entry], read: Callable[[str], bytes | None]) -> Source:
    if not entries:
        raise DataError(f"{path} holds no images: looked, at any depth, for {', '.join(sorted(SUFFIXES))}{_hint(path)}")
    entries.sort(key=lambda entry: entry.name)
    return Source(path, entries, partial(_file_labels, path, read))


def _hint(path: Path) -> str:
    arrays = [*path.glob("*idx3-ubyte*"), *path.glob("*.npz")] if path.is_dir() else []
    return f"; did you mean {arrays[0]}?" if arrays else ""


def _file_labels(path: Path, read: Callable[[str], bytes | None], key: str, names: Sequence[str]) -> list[str | None]:
    if key == FOLDERS:
        return folder_labels(names)
    for folder in dict.fromkeys(["", common_folder(names)]):
        content = read(f"{folder}{JSONL}")
        if content is not None:
            return jsonl_labels(content, f"{path}, {folder}{JSONL}", folder, names, key)
    raise DataError(f"{path} has no {JSONL} for the labels {key!r}; the only other labels are {FOLDERS!r}")


def _file_of_folder(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return None


def _file_of_archive(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    if info.file_size > MAX_BYTES:
        raise DataError(f"{archive.filename}, {name}: {info.file_size} bytes are more than {MAX_BYTES}")
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise DataError(f"{archive.filename}, {name} cannot be read: {error}") from error


def _idx_labels(path: Path, key: str, names: Sequence[str]) -> list[str | None]:
    if key != "labels":
        raise DataError(f"{path} has no labels {key!r}; an IDX file has 'labels', in a file beside it")
    return array_labels(idx_labels(path), len(names), str(path))


def _npz_labels(path: Path, key: str, names: Sequence[str]) -> list[str | None]:
    return array_labels(npz_labels(path, key), len(names), str(path))
