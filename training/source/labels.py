"""Labels of images: class folders, a key of `dataset.jsonl`, or an array; as whole numbers with class names."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.source.entry import DataError, is_unicode, shown

MAX_LABEL = 255
"""Characters of a class's name: as many as the manifest takes."""

FOLDERS = "folders"
"""The key that takes class folders."""
JSONL = "dataset.jsonl"
"""One JSON object a line: the image's name and what is known of it."""
FILE_KEYS = ("file", "file_name", "filename", "path", "image", "name")
"""Keys that may hold the image's name, in the order in which they are looked for."""
NAMED = 3
"""How many images an error names; the rest are counted."""


def folder_labels(names: Sequence[str]) -> list[str | None]:
    """The first folder of each name below the folders that all have in common; None where there is none."""
    start = len(common_folder(names))
    return [name[start:].split("/")[0] if "/" in name[start:] else None for name in names]


def common_folder(names: Sequence[str]) -> str:
    """The folder that all names begin with, with its slash at the end; empty where there is none."""
    first, last = min(names).split("/")[:-1], max(names).split("/")[:-1]
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return "".join(f"{part}/" for part in first[:same])


def jsonl_labels(content: bytes, where: str, folder: str, names: Sequence[str], key: str) -> list[str | None]:
    """What `dataset.jsonl` says under a key of each image, as text; None where it says nothing.

    Args:
        content: of the file.
        where: it lies, for errors.
        folder: that its names are below, empty or with a slash at the end.
        names: of the images.
        key: of the label.

    Raises:
        DataError: a line is no JSON object, there is no such key, or a value is a list or an object.
    """
    lines = _objects(content, where)
    keys = {found: None for line in lines for found in line}
    file_key = next((name for name in FILE_KEYS if name in keys), None)
    if file_key is None:
        raise DataError(f"{where} does not say which image a line is of: looked for the keys {', '.join(FILE_KEYS)}")
    if key not in keys:
        raise DataError(f"{where} has no key {key!r}; it has {', '.join(keys)}; class folders are taken by {FOLDERS!r}")
    values = {f"{folder}{line.get(file_key)}": _text(line.get(key), where, key) for line in lines}
    return [values.get(name) for name in names]


def _objects(content: bytes, where: str) -> list[dict[str, Any]]:
    lines = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}, line {number} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise DataError(f"{where}, line {number} is no JSON object but {type(value).__name__}")
        lines.append(value)
    if not lines:
        raise DataError(f"{where} is empty")
    return lines


def _text(value: object, where: str, key: str) -> str | None:
    if isinstance(value, list | dict):
        raise DataError(
            f"{where}: {key!r} is a {'list' if isinstance(value, list) else 'nested object'}; a label is one value "
            "an image, a text, a number or true/false"
        )
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def array_labels(values: NDArray[Any], count: int, where: str) -> list[str | None]:
    """The labels of an array [count] or [count, 1] of whole numbers, booleans or texts.

    Raises:
        DataError: another shape or type.
    """
    if values.shape not in ((count,), (count, 1)) or values.dtype.kind not in "iubUS":
        raise DataError(
            f"{where}: labels are {values.dtype} {list(values.shape)}; one whole number, boolean or text an image is "
            f"needed, [{count}]"
        )
    if values.dtype.kind == "S":
        return [value.decode("utf-8", "replace") or None for value in values.ravel().tolist()]
    return [_text(value, where, "labels") for value in values.ravel().tolist()]


def classes(
    labels: Sequence[str | None], names: Sequence[str], where: str
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Labels as numbers, int32 [count], and the class names that they stand for, sorted, numbers as numbers.

    Raises:
        DataError: an image has no label; there is one class only; or nearly every image has a class of its own.
    """
    without = [shown(name) for name, label in zip(names, labels, strict=True) if label is None]
    if without:
        more = f" and {len(without) - NAMED:,} more" if len(without) > NAMED else ""
        raise DataError(
            f"{where}: {len(without):,} of {len(names):,} images have no label: {', '.join(without[:NAMED])}{more}"
        )
    found = _sorted({label for label in labels if label is not None})
    for label in found:
        _check_name(label, where)
    if len(found) < 2:
        raise DataError(f"{where}: all images have the label {found[0]!r}; at least two classes are needed")
    if len(found) > 10 and len(found) > len(names) / 2:
        raise DataError(
            f"{where}: {len(found):,} different labels for {len(names):,} images, such as {found[0]!r}, are no classes"
        )
    numbers = {name: number for number, name in enumerate(found)}
    return np.array([numbers[label] for label in labels if label is not None], np.int32), tuple(found)


def _check_name(label: str, where: str) -> None:
    """A class's name stands in the manifest and in addresses."""
    if len(label) > MAX_LABEL:
        raise DataError(f"{where}: the label {label[:40]!r}… has {len(label):,} characters; at most {MAX_LABEL} may be")
    if not is_unicode(label):
        raise DataError(f"{where}: the label {label!r} is no valid Unicode")
    if label.lower() in ("nan", "-nan"):
        raise DataError(f"{where}: {label} is not a number, and no label; leave it out, or give it a name")


def _sorted(found: set[str]) -> list[str]:
    try:
        return sorted(found, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(found)
