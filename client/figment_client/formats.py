"""The formats a Figment service answers with: their names, media types, endings, and how their bytes begin and end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

HEAD_BYTES = 16
"""As many first bytes tell the container."""

_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"  # an empty IEND chunk with its checksum: the same in every PNG
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22  # of the end record, without the comment that nobody writes here
_RIFF_HEADER_BYTES = 8  # "RIFF" and a little-endian size that does not count these eight
_LARGE_BOX = 1  # of an ISO base media file: the size stands in the eight bytes after the type


@dataclass(frozen=True)
class Format:
    """
    A format: its `name` as the `format` parameter has it, its media types, the endings of its files, and the
    container its bytes are in.
    """

    name: str
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    container: str


PNG = Format("png", ("image/png",), (".png",), "png")
WEBP = Format("webp", ("image/webp",), (".webp",), "webp")
FORMATS = (
    PNG,
    WEBP,
    Format("jpeg", ("image/jpeg",), (".jpg", ".jpeg"), "jpeg"),
    Format("avif", ("image/avif",), (".avif",), "iso"),
    Format("gif", ("image/gif",), (".gif",), "gif"),
    Format("apng", ("image/apng", "image/vnd.mozilla.apng"), (".apng", ".png"), "png"),
    Format("mp4", ("video/mp4",), (".mp4",), "iso"),
    Format("zip", ("application/zip",), (".zip",), "zip"),
    Format("npz", ("application/x-npz", "application/zip", "application/octet-stream"), (".npz",), "zip"),
    Format("json", ("application/json",), (".json",), "json"),
)


def formats_of_media_type(media_type: str) -> tuple[Format, ...]:
    """The formats that a bare media type (`image/png`) may stand for; none if it is no picture's."""
    return tuple(each for each in FORMATS if media_type in each.media_types)


def endings_of_media_type(media_type: str) -> tuple[str, ...]:
    """The endings that a file of this media type may have."""
    return tuple(ending for each in formats_of_media_type(media_type) for ending in each.endings)


def format_of_path(path: str | os.PathLike[str]) -> Format | None:
    """The format a path's ending names, in capitals or not, or None."""
    ending = PurePath(path).suffix.lower()
    return next((each for each in FORMATS if ending in each.endings), None)


def fits(path: str | os.PathLike[str], name: str) -> bool:
    """Whether a path's ending is one that files of the format of that name have."""
    ending = PurePath(path).suffix.lower()
    return any(each.name == name and ending in each.endings for each in FORMATS)


def container_of(head: bytes) -> str | None:
    """The container that the first bytes tell (HEAD_BYTES are enough), or None."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "iso"
    starts = {
        b"\x89PNG\r\n\x1a\n": "png",
        b"GIF87a": "gif",
        b"GIF89a": "gif",
        b"\xff\xd8\xff": "jpeg",
        b"PK\x03\x04": "zip",
        b"{": "json",
    }
    return next((container for start, container in starts.items() if head.startswith(start)), None)


def media_type_of(content: bytes) -> str:
    """The media type of a file to send, by its first bytes; `application/octet-stream` where they tell nothing."""
    if content[4:12] == b"ftypavif":
        return "image/avif"
    container = container_of(content[:HEAD_BYTES])
    return f"image/{container}" if container in ("png", "webp", "jpeg", "gif") else "application/octet-stream"


def is_whole(file: BinaryIO) -> bool:
    """Whether a file of a known container also ends as the container does: a look at its frame, not a decoding."""
    size = file.seek(0, os.SEEK_END)
    head, tail = _read(file, 0, HEAD_BYTES), _read(file, max(0, size - _ZIP_END_BYTES), _ZIP_END_BYTES)
    container = container_of(head)
    if container == "webp":
        return size >= _RIFF_HEADER_BYTES + int.from_bytes(head[4:8], "little")
    if container == "iso":
        return _boxes_fill(file, size)
    if container == "zip":
        return tail.startswith(_ZIP_END)
    if container == "json":
        return tail.rstrip().endswith(b"}")
    ends = {"png": _PNG_END, "gif": b"\x3b", "jpeg": b"\xff\xd9"}
    return container is not None and tail.endswith(ends[container])


def _boxes_fill(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of an ISO base media file (ISO/IEC 14496-12, 4.2) end where the file does."""
    at = 0
    while at < size:
        head = _read(file, at, 16)
        length = int.from_bytes(head[:4], "big")
        if length == _LARGE_BOX:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            return length == 0 and len(head) >= 8  # 0: to the end of the file
        at += length
    return at == size


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
