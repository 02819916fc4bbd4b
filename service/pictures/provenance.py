"""What made a picture, written into it and read back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from service.pictures import containers
from service.pictures.exif import read_exif, write_exif

REQUEST = "figment:request"

KEYWORDS = (
    REQUEST,
    "figment:seeds",
    "figment:labels",
    "figment:model",
    "figment:digest",
    "figment:precision",
)
"""All that a picture may say of itself."""

VALUE_BYTES = 2**16
"""The longest value that is read, in UTF-8."""

TEXTS_MAX = 16
"""Comments, or blocks of EXIF, of one file that are read."""

Texts = dict[str, str]


def comment_of(text: Mapping[str, str]) -> str:
    """The whole provenance as JSON, in ASCII, in the mapping's order; empty of an empty mapping.

    Raises:
        ValueError: a value holds a zero character.
    """
    for keyword, value in text.items():
        if "\0" in value:
            raise ValueError(f"the text of {keyword!r} holds a zero character")
    return json.dumps(dict(text)) if text else ""


def exif_of(text: Mapping[str, str]) -> bytes:
    """The provenance as EXIF, a TIFF structure without JPEG's prefix; empty of an empty mapping.

    ImageDescription is the request, UserComment the whole mapping as JSON, in ASCII.

    Raises:
        ValueError: a value holds a zero character, or the request a lone surrogate.
    """
    comment = comment_of(text)
    return write_exif(text.get(REQUEST, ""), comment) if comment else b""


def read_provenance(content: bytes) -> Texts:
    """What a picture says made it.

    No pixel is decoded, so neither time nor memory depends on the picture's size. What a damaged file still says is
    read.

    Args:
        content: a file: PNG, APNG, WebP, JPEG, AVIF, GIF or MP4; from anyone.

    Returns:
        Those of `KEYWORDS` that it has, each a text of printable characters of at most 64 KiB in UTF-8. A request is
        also found where it stands alone: in a WebP's ImageDescription, or in a GIF's comment.

    Raises:
        ValueError: another kind of file, nothing that we wrote, or a value that is too long or not printable.
    """
    kind = containers.kind_of(content)
    if not kind:
        raise ValueError("this is no PNG, APNG, WebP, JPEG, AVIF, GIF or MP4 file")
    for texts in islice(READERS[kind](content), TEXTS_MAX):
        found = {keyword: _checked(keyword, texts[keyword]) for keyword in KEYWORDS if keyword in texts}
        if found:
            return found
    raise ValueError(
        "the picture does not say what made it: it is not ours, its texts were taken out, or it is damaged"
    )


def _checked(keyword: str, value: str) -> str:
    if not value.isprintable():  # also of what is no Unicode, such as lone surrogates
        raise ValueError(f"the picture's {keyword} holds characters that are not printable")
    if len(value.encode()) > VALUE_BYTES:
        raise ValueError(f"the picture's {keyword} is longer than {VALUE_BYTES:,} bytes")
    return value


def _of_png(content: bytes) -> Iterator[Texts]:
    """All text chunks together; of two with the same keyword the first."""
    texts: Texts = {}
    for kind, data in containers.png_texts(content):
        name, _, rest = data.partition(b"\0")
        keyword = name.decode("latin-1")
        if keyword in KEYWORDS and keyword not in texts:
            texts[keyword] = _png_text(keyword, kind, rest)
    yield texts


def _png_text(keyword: str, kind: bytes, rest: bytes) -> str:
    """The text behind a chunk's keyword (PNG, third edition, 11.3.3), at most one character too long."""
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        return _inflated(keyword, rest[1:]).decode("latin-1")
    compressed, text = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return (_inflated(keyword, text) if compressed else text).decode("utf-8", "replace")


def _inflated(keyword: str, data: bytes) -> bytes:
    """What a zlib stream holds, if it is not longer than a value may be; no more of it is inflated."""
    try:
        inflated = zlib.decompressobj().decompress(data, VALUE_BYTES + 1)
    except zlib.error:
        raise ValueError(f"the picture's {keyword} is damaged") from None
    if len(inflated) > VALUE_BYTES:
        raise ValueError(f"the picture's {keyword} is longer than {VALUE_BYTES:,} bytes")
    return inflated


def _of_exif(find: Callable[[bytes], Iterator[bytes]]) -> Callable[[bytes], Iterator[Texts]]:
    def read(content: bytes) -> Iterator[Texts]:
        for exif in find(content):
            description, comment = read_exif(exif)
            yield _of_comment(comment) or _of_comment(description)

    return read


def _of_comments(find: Callable[[bytes], Iterator[bytes]]) -> Callable[[bytes], Iterator[Texts]]:
    def read(content: bytes) -> Iterator[Texts]:
        for comment in find(content):
            yield _of_comment(comment.decode("utf-8", "replace"))

    return read


def _of_comment(comment: str) -> Texts:
    """The texts in a mapping as JSON, or a request that stands alone."""
    if comment.startswith("/"):
        return {REQUEST: comment}
    try:
        mapping = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(mapping, dict):
        return {}
    return {keyword: value for keyword, value in mapping.items() if isinstance(value, str)}


READERS: Mapping[str, Callable[[bytes], Iterator[Texts]]] = {
    "png": _of_png,
    "webp": _of_exif(containers.webp_exif),
    "jpeg": _of_exif(containers.jpeg_exif),
    "avif": _of_exif(containers.avif_exif),
    "gif": _of_comments(containers.gif_comments),
    "mp4": _of_comments(containers.mp4_comments),
}
