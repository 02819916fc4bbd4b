"""Where files of pictures keep texts about themselves: found by walking over the parts of a file, no pixel is decoded.

The files come from anywhere. A part that claims to be longer than the file ends the walk, as the end of the file does;
no part is copied but those that are asked for; and the walk is bounded.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice

PARTS_MAX = 200_000
"""Parts of a file that are looked at: about a tenth of a second. Ours have fewer, or what is sought is in front."""

TEXT_MAX = 2**20
"""Bytes of one text or EXIF; longer ones are passed over."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")

GIF_EXTENSION, GIF_IMAGE, GIF_COMMENT = 0x21, 0x2C, 0xFE

JPEG_START, JPEG_SCAN, JPEG_END, JPEG_APP1 = b"\xff\xd8", 0xDA, 0xD9, 0xE1
JPEG_EXIF = b"Exif\0\0"

# Behind version and flags, or type and locale.
MP4_COMMENT = ((b"moov", 0), (b"udta", 0), (b"meta", 4), (b"ilst", 0), (b"\xa9cmt", 0), (b"data", 8))

AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"miaf")


def png_texts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and data of each text chunk (tEXt, zTXt, iTXt) whose check value is right."""
    position = len(PNG_SIGNATURE)
    for _ in range(PARTS_MAX):
        size, kind = _number(content, position, 4), content[position + 4 : position + 8]
        end = position + 8 + size
        if end + 4 > len(content) or kind == b"IEND":
            return
        if kind in PNG_TEXTS and size <= TEXT_MAX:
            data = content[position + 8 : end]
            if zlib.crc32(data, zlib.crc32(kind)) == _number(content, end, 4):
                yield kind, data
        position = end + 4


def webp_exif(content: bytes) -> Iterator[bytes]:
    """The data of the EXIF chunks of a RIFF file."""
    position = 12  # behind RIFF, size, WEBP
    for _ in range(PARTS_MAX):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + size
        if position + 8 > len(content) or end > len(content):
            return
        if content[position : position + 4] == b"EXIF" and size <= TEXT_MAX:
            yield content[position + 8 : end]
        position = end + size % 2


def jpeg_exif(content: bytes) -> Iterator[bytes]:
    """The data of the EXIF segments before the pixels of a JPEG."""
    position = len(JPEG_START)
    for _ in range(PARTS_MAX):
        if content[position : position + 1] != b"\xff" or position + 4 > len(content):
            return
        marker, size = content[position + 1], _number(content, position + 2, 2)
        end = position + 2 + size
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker in (JPEG_SCAN, JPEG_END) or size < 2 or end > len(content):
            return
        if marker == JPEG_APP1 and content.startswith(JPEG_EXIF, position + 4):
            yield content[position + 4 : end]
        position = end


def gif_comments(content: bytes) -> Iterator[bytes]:
    """The comments of a GIF."""
    if len(content) < 13:
        return
    position = 13 + _palette_bytes(content[10])
    left = iter(range(PARTS_MAX))
    while position + 10 <= len(content):
        kind, label = content[position], content[position + 1]
        if kind == GIF_EXTENSION:
            start = position + 2
        elif kind == GIF_IMAGE:
            start = position + 10 + _palette_bytes(content[position + 9]) + 1
        else:
            return
        ends = list(_sub_blocks(content, start, left))
        if not ends:
            return
        if kind == GIF_EXTENSION and label == GIF_COMMENT and ends[-1] - start <= TEXT_MAX:
            yield b"".join(content[a + 1 : b] for a, b in zip([start, *ends], ends, strict=False))
        position = ends[-1] + 1


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(content: bytes, position: int, left: Iterator[int]) -> Iterator[int]:
    """Where each sub-block ends, up to the empty one, which begins where the last ends; nothing if the file is cut."""
    for _ in left:
        size = content[position] if position < len(content) else 0
        if not size:
            yield position
            return
        position += 1 + size
        yield position


def mp4_comments(content: bytes) -> Iterator[bytes]:
    """The comments of an MP4, where iTunes and FFmpeg put them."""
    for start, end in _descend(content, 0, len(content), iter(range(PARTS_MAX)), MP4_COMMENT):
        if end - start <= TEXT_MAX:
            yield content[start:end]


def _descend(
    content: bytes, start: int, end: int, left: Iterator[int], path: tuple[tuple[bytes, int], ...]
) -> Iterator[tuple[int, int]]:
    """Start and end of what is in the boxes at the end of a path, of their kinds and the bytes to skip in each."""
    if not path:
        yield start, end
        return
    (kind, skipped), *rest = path
    for first, last in _boxes(content, start, end, kind, left):
        yield from _descend(content, first + skipped, last, left, tuple(rest))


def avif_exif(content: bytes) -> Iterator[bytes]:
    """The EXIF items of an AVIF (ISO/IEC 14496-12, 8.11; 23008-12, annex A), each in one piece."""
    left = iter(range(PARTS_MAX))
    for start, end in _boxes(content, 0, len(content), b"meta", left):
        wanted = set(_exif_items(content, start + 4, end, left))
        for first, last in _boxes(content, start + 4, end, b"iloc", left):
            for item, offset, size in _places(content[first : min(last, first + TEXT_MAX)], left):
                if item in wanted and 4 <= size <= TEXT_MAX and offset + size <= len(content):
                    wanted.discard(item)
                    skipped = 4 + _number(content, offset, 4)  # where TIFF's header is
                    yield content[offset + skipped : offset + size]


def _exif_items(content: bytes, start: int, end: int, left: Iterator[int]) -> Iterator[int]:
    """The numbers of the items of type Exif, from the boxes infe in iinf."""
    for first, last in _boxes(content, start, end, b"iinf", left):
        entries = first + (6 if _number(content, first, 1) == 0 else 8)
        for info, _ in _boxes(content, entries, last, b"infe", left):
            width = 2 if _number(content, info, 1) < 3 else 4
            if content[info + 4 + width + 2 : info + 4 + width + 6] == b"Exif":
                yield _number(content, info + 4, width)


def _places(iloc: bytes, left: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """Number, offset in the file and size of the items that lie there in one piece."""
    if len(iloc) < 8:
        return
    version = iloc[0]
    offset_size, length_size = iloc[4] >> 4, iloc[4] & 15
    base_size, index_size = iloc[5] >> 4, iloc[5] & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    position = 6 + wide
    for _ in islice(left, _number(iloc, 6, wide)):
        item = _number(iloc, position, wide)
        position += wide
        method = 0
        if version in (1, 2):
            method = _number(iloc, position, 2) & 15
            position += 2
        base = _number(iloc, position + 2, base_size)
        extents = _number(iloc, position + 2 + base_size, 2)
        position += 4 + base_size
        if position > len(iloc):
            return
        if extents == 1 and method == 0:
            offset = _number(iloc, position + index_size, offset_size)
            yield item, base + offset, _number(iloc, position + index_size + offset_size, length_size)
        position += extents * (index_size + offset_size + length_size)


def _boxes(content: bytes, start: int, end: int, kind: bytes, left: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Start and end of what is in the boxes of a kind, among those between start and end."""
    for _ in left:
        if start + 8 > end:
            return
        size, head = _number(content, start, 4), 8
        if size == 1:
            size, head = _number(content, start + 8, 8), 16
        elif size == 0:  # up to the end
            size = end - start
        if size < head or start + size > end:
            return
        if content[start + 4 : start + 8] == kind:
            yield start + head, start + size
        start += size


def _number(content: bytes, position: int, width: int) -> int:
    """Some bytes as a number, the highest first; what lies behind the end is left out."""
    return int.from_bytes(content[position : position + width], "big")


def kind_of(content: bytes) -> str:
    """ "png" (APNG too), "webp", "jpeg", "gif", "avif", "mp4", or "" for anything else; by the first bytes."""
    if content.startswith(PNG_SIGNATURE):
        return "png"
    if content.startswith(JPEG_START):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp":
        return "avif" if content[8:12] in AVIF_BRANDS else "mp4"
    return ""
