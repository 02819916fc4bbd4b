"""The pictures of an answer in the format `zip`: each is a PNG that says itself what drew it."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import InvalidAnswer
from .pictures import Picture
from .requests import image

if TYPE_CHECKING:
    from .options import OriginOptions

_SIGNATURE_BYTES = 8
_SEED_NAME = re.compile(r"(?:[0-9]+-)?([0-9]{1,10})\.png")
"""`7.png` of a seed, `002-7.png` where names would repeat; that of another point is `image-002.png`."""


def pictures_of_zip(archive: Picture, count: int, options: OriginOptions) -> list[Picture]:
    """
    The pictures in the order they were drawn in, as if each had been asked for by itself; `archive` is the answer for
    `count` points, asked for with these options.

    Raises InvalidAnswer where the archive or a file in it is damaged, there are not `count` pictures in it, or one does
    not say its origin.
    """
    files = pngs_of_zip(archive.content)
    if len(files) != count or len(archive.points) != count:
        raise InvalidAnswer(f"the archive holds {len(files)} pictures instead of {count}")
    each = zip(files.items(), archive.points, strict=True)
    return [_single(content, name, point, options) for (name, content), point in each]


def pngs_of_zip(content: bytes) -> dict[str, bytes]:
    """The PNG files in a zip by their names, in their order. Raises InvalidAnswer for a damaged one."""
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as files:
            return {name: files.read(name) for name in files.namelist() if name.endswith(".png")}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InvalidAnswer(f"the archive of pictures is damaged: {error}") from error


def _single(content: bytes, name: str, point: str, options: OriginOptions) -> Picture:
    """
    A picture of the archive; `point` is what was asked for, and the file's name tells the seed that it stands for.

    The request and the seeds that are written in it may be those of the whole archive: they are not looked at.
    """
    seed = _SEED_NAME.fullmatch(name)
    seeds = () if seed is None else (int(seed[1]),)
    point = point if seed is None else seed[1]
    try:
        texts = dict(png_texts(content))
        model, _, version = texts["figment:model"].rpartition("/")
        drawn: OriginOptions = {**options, "model": model, "version": int(version)}
        labels = _wholes(texts.get("figment:labels"))
        request = image(point, **drawn).target
        return Picture(content, "image/png", seeds, model, int(version), request, labels, (point,))
    except (LookupError, ValueError, zlib.error) as error:
        raise InvalidAnswer(f"{name} in the archive does not say what drew it: {error}") from error


def png_texts(content: bytes) -> Iterator[tuple[str, str]]:
    """The keywords and texts of a PNG's text chunks (PNG, third edition, 11.3.3), as they follow."""
    at = _SIGNATURE_BYTES
    while at + 8 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, _, rest = content[at + 8 : at + 8 + length].partition(b"\0")
            yield keyword.decode("latin-1"), _text(kind, rest)
        at += length + 12


def _text(kind: bytes, rest: bytes) -> str:
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        return zlib.decompress(rest[1:]).decode("latin-1")
    text = rest[2:].split(b"\0", 2)[2]  # after the language and the translated keyword
    return (zlib.decompress(text) if rest[:1] == b"\1" else text).decode()


def _wholes(text: str | None) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",")) if text else ()
