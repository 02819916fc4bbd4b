from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from figment_client.formats import (
    FORMATS,
    container_of,
    endings_of_media_type,
    fits,
    format_of_path,
    formats_of_media_type,
    is_whole,
    media_type_of,
)

NAMES = [each.name for each in FORMATS]


def whole(content: bytes) -> bool:
    return is_whole(io.BytesIO(content))


@pytest.mark.parametrize("format_", FORMATS, ids=NAMES)
def test_a_format_is_known_by_its_bytes_its_media_type_and_its_ending(
    images: Mapping[str, bytes], format_: object
) -> None:
    each = next(one for one in FORMATS if one == format_)
    assert container_of(images[each.name][:16]) == each.container
    for media_type in each.media_types:
        assert each in formats_of_media_type(media_type)
        assert set(each.endings) <= set(endings_of_media_type(media_type))
    for ending in each.endings:
        assert fits(f"some/grid{ending}", each.name)
        assert fits(f"GRID{ending.upper()}", each.name)
    assert format_of_path(f"grid{each.endings[0]}") == each


def test_what_is_no_known_format_is_none() -> None:
    for content in (b"", b"<html>", b"RIFF\x04\x00\x00\x00WAVE", b"\x89PNG"):
        assert container_of(content) is None
        assert not whole(content)
    assert formats_of_media_type("image/bmp") == ()
    for path in ("grid", "grid.bmp", ".png", "grid.png.part", "-"):
        assert format_of_path(path) is None
        assert not fits(path, "png")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_whole_only_with_its_last_byte(images: Mapping[str, bytes], name: str) -> None:
    content = images[name]
    assert whole(content)
    for cut in (1, 5, len(content) // 2):
        assert not whole(content[:-cut])


def test_boxes_may_be_large_or_go_to_the_end() -> None:
    start = b"\0\0\0\x10ftypavif\0\0\0\0"
    assert whole(start + b"\0\0\0\1mdat" + (19).to_bytes(8, "big") + b"abc")
    assert not whole(start + b"\0\0\0\1mdat" + (20).to_bytes(8, "big") + b"abc")
    assert whole(start + b"\0\0\0\0mdat and whatever follows")
    assert not whole(start + b"\0\0\0\4mdat")


@pytest.mark.parametrize("name", ["png", "webp", "jpeg", "gif", "avif"])
def test_a_picture_to_send_has_its_media_type(images: Mapping[str, bytes], name: str) -> None:
    assert media_type_of(images[name]) == f"image/{name}"


@pytest.mark.parametrize("content", [b"", b"BM123", b"{}"])
def test_anything_else_to_send_is_bytes(content: bytes) -> None:
    assert media_type_of(content) == "application/octet-stream"
