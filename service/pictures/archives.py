"""Images for programs: NumPy's archive, zip, and JSON; no clock time in any, so that the bytes repeat."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from service.pictures.pixels import Pixels, check_pixels
from service.pictures.png import encode_png

SUMMARY = "figment.json"
"""The file in a zip that says what the others are."""

AXES = ("n", "height", "width", "channels")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
UNIX, READABLE = 3, 0o100644 << 16  # who wrote it, and a plain file's permissions


def encode_npz(
    images: Pixels,
    latents: npt.NDArray[np.float32],
    seeds: Sequence[int] | None,
    labels: Sequence[int] | None,
) -> bytes:
    """An archive that `numpy.load` reads: `images`, `latents` and, where they are given, `seeds` and `labels`.

    Args:
        images: uint8 [n, height, width, channels].
        latents: float32 [n, latent_dim].
        seeds: n numbers, 0 … 2³²-1, stored as uint32 [n].
        labels: n classes, stored as int32 [n].

    Raises:
        TypeError: images is no uint8 array.
        ValueError: a shape that cannot be drawn, or not n of each.
    """
    arrays: dict[str, Any] = {"images": images, "latents": np.asarray(latents, np.float32)}
    if seeds is not None:
        arrays["seeds"] = np.asarray(seeds, np.uint32)
    if labels is not None:
        arrays["labels"] = np.asarray(labels, np.int32)
    _check(**arrays)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)  # uncompressed: deflate saves little of pictures, and takes long
    return buffer.getvalue()


def file_names(seeds: Sequence[int | None]) -> list[str]:
    """Names of PNG files for images in their order, no two alike: `7.png` of a seed, `image-003.png` of none.

    Those that would repeat have their place in front, `002-7.png`.
    """
    names = [f"image-{i:03}.png" if seed is None else f"{seed}.png" for i, seed in enumerate(seeds)]
    times = Counter(names)
    return [name if times[name] == 1 else f"{i:03}-{name}" for i, name in enumerate(names)]


def encode_zip(
    images: Pixels, names: Sequence[str], texts: Sequence[Mapping[str, str]], summary: Mapping[str, object]
) -> bytes:
    """A zip of PNG files, and `figment.json` as the last.

    Args:
        images: uint8 [n, height, width, channels].
        names: of n files, no two alike, without folders.
        texts: the provenance of each, written into its PNG.
        summary: what `figment.json` holds.

    Raises:
        TypeError: images is no uint8 array.
        ValueError: a shape that cannot be drawn, not n of each, two names alike, or a name of a folder.
    """
    _check(images, names=names, texts=texts)
    if len({SUMMARY, *names}) != len(names) + 1:
        raise ValueError("two files of a zip have the same name")
    if bad := [name for name in names if not name or "/" in name or "\\" in name or "\0" in name]:
        raise ValueError(f"{bad[0]!r} is no name of a file")
    document = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    files = {name: encode_png(image, text) for name, image, text in zip(names, images, texts, strict=True)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # stored: PNG is compressed
        for name, content in {**files, SUMMARY: document.encode()}.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, READABLE
            archive.writestr(entry, content)
    return buffer.getvalue()


def describe(
    images: Pixels,
    points: Sequence[str],
    seeds: Sequence[int | None],
    labels: Sequence[int] | None,
    head: Mapping[str, object],
) -> dict[str, Any]:
    """What the images are, as a document: the head, their size, and of each its point, seed and label.

    Args:
        images: uint8 [n, height, width, channels].
        points: the text of each one's point.
        seeds: the seed of each, or None.
        labels: the class of each; None for a model without classes.
        head: "model", "version", "digest", "precision", "request".

    Raises:
        TypeError: images is no uint8 array.
        ValueError: a shape that cannot be drawn, or not n of each.
    """
    classes: Sequence[int | None] = [None] * len(points) if labels is None else labels
    _check(images, points=points, seeds=seeds, labels=classes)
    _, height, width, channels = images.shape
    rows = zip(points, seeds, classes, strict=True)
    return {
        **head,
        "width": width,
        "height": height,
        "channels": channels,
        "images": [{"point": point, "seed": seed, "label": label} for point, seed, label in rows],
    }


def encode_json(images: Pixels, texts: Sequence[Mapping[str, str]], document: Mapping[str, Any]) -> bytes:
    """A document of `describe` as JSON in UTF-8, with each image as a PNG in base64, its provenance inside.

    Args:
        images: uint8 [n, height, width, channels], those that are described.
        texts: the provenance of each.
        document: what `describe` gave.

    Raises:
        TypeError: images is no uint8 array.
        ValueError: a shape that cannot be drawn, or not n of each.
    """
    rows = document["images"]
    _check(images, texts=texts, rows=rows)
    drawn = [
        {**row, "png": base64.b64encode(encode_png(image, text)).decode()}
        for row, image, text in zip(rows, images, texts, strict=True)
    ]
    return json.dumps({**document, "images": drawn}, ensure_ascii=False, separators=(",", ":")).encode()


def _check(images: Pixels, **others: Sequence[object] | npt.NDArray[Any]) -> None:
    check_pixels(images, "images", AXES)
    for name, values in others.items():
        if len(values) != len(images):
            raise ValueError(f"there are {len(values)} {name} for {len(images)} images")
