"""Two texts in EXIF (CIPA DC-008): the description of an image and the comment of its user."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from PIL import ExifTags

ASCII, UNICODE, UNDEFINED = b"ASCII\0\0\0", b"UNICODE\0", bytes(8)  # what a comment begins with
PREFIX = b"Exif\0\0"  # JPEG's
ENTRY = 12  # bytes: tag, type, count, value or offset
BYTE, ASCII_TYPE, LONG, UNDEFINED_TYPE = 1, 2, 4, 7
TEXT_TYPES = (BYTE, ASCII_TYPE, UNDEFINED_TYPE)  # of one byte each; Pillow writes comments as BYTE
HEADER = b"II*\0\x08\0\0\0"  # the lowest byte first; the first directory follows
INLINE = 4  # bytes: what is longer lies elsewhere


def write_exif(description: str, comment: str) -> bytes:
    """A TIFF structure with both texts, without JPEG's prefix.

    Args:
        description: written as UTF-8, which most readers expect though EXIF has ASCII only; left out if empty.
        comment: ASCII.
    """
    text = description.encode("utf-8") + b"\0"
    commented = ASCII + comment.encode("ascii")
    first = [(ExifTags.Base.ImageDescription, ASCII_TYPE, text)] if description else []
    start = len(HEADER)
    behind = start + len(_directory(start, [*first, (ExifTags.IFD.Exif, LONG, bytes(INLINE))]))
    pointer = (ExifTags.IFD.Exif, LONG, struct.pack("<I", behind))
    version = (ExifTags.Base.ExifVersion, UNDEFINED_TYPE, b"0232")
    second = [version, (ExifTags.Base.UserComment, UNDEFINED_TYPE, commented)]
    return HEADER + _directory(start, [*first, pointer]) + _directory(behind, second)


def _directory(start: int, entries: Sequence[tuple[int, int, bytes]]) -> bytes:
    """A directory at an offset: of tags in ascending order, their types and values, what is long behind them."""
    body, values = struct.pack("<H", len(entries)), b""
    behind = start + 2 + ENTRY * len(entries) + 4
    for tag, kind, value in entries:
        field = value.ljust(INLINE, b"\0") if len(value) <= INLINE else struct.pack("<I", behind + len(values))
        body += struct.pack("<HHI", tag, kind, 1 if kind == LONG else len(value)) + field
        if len(value) > INLINE:
            values += value + bytes(len(value) % 2)  # offsets are even
    return body + bytes(4) + values


def read_exif(data: bytes) -> tuple[str, str]:
    """Description and comment, empty where there is none or it cannot be read; of any bytes, without an error."""
    data = data.removeprefix(PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4], "")
    if not order:
        return "", ""
    first = _texts(data, order, _number(data, order, 4), ExifTags.Base.ImageDescription, ExifTags.IFD.Exif)
    description = first.get(ExifTags.Base.ImageDescription, b"").rstrip(b"\0")
    second = _texts(data, order, _number(first.get(ExifTags.IFD.Exif, b""), order, 0), ExifTags.Base.UserComment)
    return description.decode("utf-8", "ignore"), _comment(second.get(ExifTags.Base.UserComment, b""), order)


def _comment(value: bytes, order: str) -> str:
    """The text behind the eight bytes that name its characters."""
    code, text = value[:8], value[8:]
    utf16 = "utf-16-le" if order == "<" else "utf-16-be"
    codec = {ASCII: "utf-8", UNDEFINED: "utf-8", UNICODE: utf16}.get(code)
    return text.decode(codec, "ignore").rstrip("\0 ") if codec else ""


def _texts(data: bytes, order: str, start: int, *tags: int) -> dict[int, bytes]:
    """The bytes of some tags of one directory: of texts, and of single pointers; the first of each tag."""
    found: dict[int, bytes] = {}
    if not 8 <= start <= len(data) - 2:
        return found
    (count,) = struct.unpack_from(order + "H", data, start)
    for position in range(start + 2, min(start + 2 + ENTRY * count, len(data) - ENTRY + 1), ENTRY):
        tag, kind, count = struct.unpack_from(order + "HHI", data, position)
        if tag in tags and tag not in found:
            size = count if kind in TEXT_TYPES else INLINE
            offset = position + 8 if size <= INLINE else _number(data, order, position + 8)
            found[tag] = data[offset : offset + size]
    return found


def _number(data: bytes, order: str, position: int) -> int:
    """Four bytes as a number; 0, where no directory can be, if they are not there."""
    found = data[position : position + 4]
    return int.from_bytes(found, "little" if order == "<" else "big") if len(found) == 4 else 0
