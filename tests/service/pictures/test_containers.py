import struct
import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pictures import containers
from service.pictures.png import SIGNATURE, encode_png
from service.pictures.stills import encode_still

Walk = Callable[[bytes], Iterator[object]]

LIMIT = 2  # seconds of the processor, for what takes a tenth
WALKS: dict[str, Walk] = {
    "png": containers.png_texts,
    "webp": containers.webp_exif,
    "jpeg": containers.jpeg_exif,
    "gif": containers.gif_comments,
    "mp4": containers.mp4_comments,
    "avif": containers.avif_exif,
}
GIF = b"GIF89a" + bytes(7)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def wide_box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SIGNATURE, "png"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"RIFF\0\0\0\0WEBP", "webp"),
        (b"RIFF\0\0\0\0WAVE", ""),
        (b"\0\0\0\x0cftypavif", "avif"),
        (b"\0\0\0\x0cftypavis", "avif"),
        (b"\0\0\0\x0cftypisom", "mp4"),
        (b"\0\0\0\x0cftyp", "mp4"),
        (b"", ""),
        (b"hello", ""),
    ],
)
def test_a_kind_is_known_by_its_first_bytes(content: bytes, kind: str) -> None:
    assert containers.kind_of(content) == kind


def test_texts_of_png() -> None:
    png = encode_png(np.zeros((1, 1), np.uint8), {"a": "b", "c": "日"})
    assert list(containers.png_texts(png)) == [(b"tEXt", b"a\0b"), (b"iTXt", b"c\0\0\0\0\0" + "日".encode())]


def test_a_text_too_long_is_passed_over() -> None:
    png = encode_png(np.zeros((1, 1), np.uint8), {"long": "x" * containers.TEXT_MAX, "a": "b"})
    assert [data for _, data in containers.png_texts(png)] == [b"a\0b"]


def test_exif_of_webp_behind_parts_of_odd_size() -> None:
    content = b"RIFF\0\0\0\0WEBP" + b"VP8 \3\0\0\0abc\0" + b"EXIF\3\0\0\0def\0" + b"EXIF\1\0\0\0g\0"
    assert list(containers.webp_exif(content)) == [b"def", b"g"]


def test_exif_of_jpeg_before_the_pixels() -> None:
    exif, other = segment(0xE1, b"Exif\0\0first"), segment(0xE1, b"http://ns.adobe.com/xap/1.0/")
    scan = segment(0xDA, b"pixels")
    content = b"\xff\xd8" + other + b"\xff\xff" + exif + scan + segment(0xE1, b"Exif\0\0second")
    assert list(containers.jpeg_exif(content)) == [b"Exif\0\0first"]


@pytest.mark.parametrize("palette", [0, 0x80, 0x87])
def test_comments_of_gif_before_and_behind_images(palette: int) -> None:
    colours = bytes(3 * 2 ** ((palette & 7) + 1)) if palette else b""
    head = b"GIF89a" + bytes(4) + bytes([palette, 0, 0]) + colours
    image = b"\x2c" + bytes(8) + bytes([palette]) + colours + b"\x08" + b"\2ab\0"
    content = head + b"\x21\xfe\3abc\2de\0" + image + b"\x21\xf9\1x\0" + b"\x21\xfe\1f\0" + b";" + bytes(9)
    assert list(containers.gif_comments(content)) == [b"abcde", b"f"]


@pytest.mark.parametrize("outer", [box, wide_box])
def test_the_comment_of_mp4(outer: Callable[..., bytes]) -> None:
    comment = box(b"\xa9cmt", box(b"data", bytes(8), b"hello"))
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(25)), box(b"ilst", box(b"\xa9too"), comment))
    content = box(b"ftyp", b"isom") + box(b"mdat", bytes(99)) + outer(b"moov", box(b"trak"), box(b"udta", meta))
    assert list(containers.mp4_comments(content)) == [b"hello"]


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(("offset_size", "base"), [(4, 0), (8, 0), (4, 7), (0, None)])
def test_exif_of_avif_wherever_its_place_is_written(version: int, offset_size: int, base: int | None) -> None:
    exif = bytes(4) + b"II*\0exif"
    start = 20  # where it lies
    content = box(b"ftyp", b"avif") + box(b"mdat", exif)
    offset = start if base is None else base
    wide = 4 if version == 2 else 2
    other = (1).to_bytes(wide, "big") + bytes(2 * (version > 0)) + bytes(2) + bytes(4) + bytes(2)  # in no piece
    place = (2).to_bytes(wide, "big") + bytes(2 * (version > 0)) + bytes(2)
    place += offset.to_bytes(4, "big") + b"\0\1" + (start - offset).to_bytes(offset_size, "big")
    place += len(exif).to_bytes(4, "big")
    sizes = bytes([offset_size << 4 | 4, 4 << 4])
    iloc = box(b"iloc", bytes([version, 0, 0, 0]), sizes, (2).to_bytes(wide, "big"), other, place)
    infos = [
        box(b"infe", b"\2\0\0\0", struct.pack(">HH", i, 0), kind, b"\0") for i, kind in [(1, b"av01"), (2, b"Exif")]
    ]
    meta = box(b"meta", bytes(4), box(b"iinf", bytes(4), b"\0\2", *infos), iloc)
    assert list(containers.avif_exif(content + meta)) == [b"II*\0exif"]


def test_exif_that_lies_outside_of_an_avif_is_not_found() -> None:
    content = encode_still(np.zeros((8, 8, 3), np.uint8), "avif", text={"figment:seeds": "7"})
    assert len(list(containers.avif_exif(content))) == 1
    assert list(containers.avif_exif(content[:-40])) == []


HOSTILE: dict[str, tuple[str, bytes]] = {
    "png of empty chunks": ("png", SIGNATURE + (bytes(4) + b"xxxx" + bytes(4)) * 2**20),
    "webp of empty chunks": ("webp", b"RIFF\0\0\0\0WEBP" + b"xxxx\0\0\0\0" * 2**20),
    "jpeg of empty segments": ("jpeg", b"\xff\xd8" + b"\xff\xe1\0\2" * 2**21),
    "jpeg of fill bytes": ("jpeg", b"\xff\xd8" + b"\xff" * 2**23),
    "gif of short blocks": ("gif", GIF + b"\x21\xfe" + b"\1a" * 2**22),
    "gif of empty blocks": ("gif", GIF + b"\x21\x01\0" * 2**21),
    "mp4 of empty boxes": ("mp4", b"\0\0\0\x08ftyp" * 2**20),
    "mp4 of empty movies": ("mp4", b"\0\0\0\x0cftypisom" + b"\0\0\0\x08moov" * 2**20),
    "avif of empty boxes": ("avif", b"\0\0\0\x0cftypavif" + b"\0\0\0\x0cmeta\0\0\0\0" * 2**20),
    "avif of many places": (
        "avif",
        box(b"meta", bytes(4), *[box(b"iloc", bytes(6), b"\xff\xff", b"\0\1\0\0\0\0" * 7)] * 2**17),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_left_after_a_while(name: str) -> None:
    kind, content = HOSTILE[name]
    started = time.thread_time()
    found = list(WALKS[kind](content))
    assert len(found) == (name == "gif of short blocks")  # what of the comment was looked at
    assert time.thread_time() - started < LIMIT


@pytest.mark.parametrize("kind", WALKS)
@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), known=st.sampled_from([b"", b"moov", b"meta", b"iloc", b"EXIF", b"\x21\xfe"]))
def test_any_bytes_are_walked_without_an_error(kind: str, content: bytes, known: bytes) -> None:
    file = content[:40] + known + content[40:]
    assert all(len(part) <= len(file) for part in WALKS[kind](file))


def test_a_wrong_check_value_hides_a_text() -> None:
    text = b"tEXta\0b"
    chunk = struct.pack(">I", 3) + text + struct.pack(">I", zlib.crc32(text))
    assert list(containers.png_texts(SIGNATURE + chunk)) == [(b"tEXt", b"a\0b")]
    assert list(containers.png_texts(SIGNATURE + chunk[:-1] + b"?")) == []
