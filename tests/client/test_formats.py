from __future__ import annotations

from collections.abc import Mapping

import pytest
from figment_client.formats import FORMATS, format_of_content, format_of_media_type, format_of_path, is_whole

NAMES = [each.name for each in FORMATS]


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_known_by_its_bytes_its_media_type_and_its_ending(images: Mapping[str, bytes], name: str) -> None:
    for found in (
        format_of_content(images[name]),
        format_of_media_type(f"image/{name}"),
        format_of_path(f"some/grid.{name}"),
        format_of_path(f"GRID.{name.upper()}"),
    ):
        assert found is not None
        assert found.name == name


def test_what_is_no_known_format_is_none() -> None:
    for content in (b"", b"<html>", b"RIFF\x04\x00\x00\x00WAVE", b"\x89PNG"):
        assert format_of_content(content) is None
        assert not is_whole(content)
    assert format_of_media_type("image/jpeg") is None
    for path in ("grid", "grid.jpg", ".png", "grid.png.part", "-"):
        assert format_of_path(path) is None


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_whole_only_with_its_last_byte(images: Mapping[str, bytes], name: str) -> None:
    whole = images[name]
    assert is_whole(whole)
    for cut in (1, 5, len(whole) // 2):
        assert not is_whole(whole[:-cut])
