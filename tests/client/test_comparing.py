from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Mapping

import httpx
import PIL.Image
import pytest
from figment_client import AsyncFigment, Figment, NoRequest
from figment_client.comparing import LOSSY_ALLOWED, is_lossless, largest_difference, verification
from figment_client.inspections import Inspection

from tests.client.fake_service import MP4, FakeService, encoded, inspected

ORIGIN = Inspection("/generate?seed=7", "", "", (7,), (1,), "adventurer", 3, "sha256:1f", "float32", True)


def png(level: int, size: tuple[int, int] = (5, 4), mode: str = "RGB", **options: object) -> bytes:
    return saved(PIL.Image.new(mode, size, (level,) * len(mode)), "PNG", **options)


def saved(image: PIL.Image.Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize("level", [0, 100, 255])
def test_the_same_bytes_are_the_same_picture_of_whatever_format(level: int) -> None:
    for content in (png(level), MP4):
        found = verification(ORIGIN, content, content)
        assert (found.same, found.compared, found.largest_difference) == (True, "bytes", 0)


@pytest.mark.parametrize(("other", "difference"), [(100, 0), (101, 1), (0, 100), (255, 155)])
def test_lossless_pixels_agree_to_the_bit_or_not_at_all(other: int, difference: int) -> None:
    found = verification(ORIGIN, png(100), png(other, compress_level=0))
    assert (found.same, found.compared, found.largest_difference, found.allowed) == (
        not difference,
        "pixels",
        difference,
        0,
    )


def test_one_channel_of_one_pixel_is_enough() -> None:
    image = PIL.Image.new("RGBA", (5, 4), (1, 2, 3, 200))
    image.putpixel((4, 3), (1, 2, 3, 203))
    assert largest_difference(png(1), png(1)) == 0
    assert largest_difference(saved(PIL.Image.new("RGBA", (5, 4), (1, 2, 3, 200)), "PNG"), saved(image, "PNG")) == 3


def test_the_last_frame_counts_too() -> None:
    frames = [PIL.Image.new("RGB", (4, 4), (level, 0, 0)) for level in (10, 20, 30)]
    walk = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    other = saved(frames[0], "PNG", save_all=True, append_images=[frames[1], PIL.Image.new("RGB", (4, 4), (37, 0, 0))])
    assert largest_difference(walk, other) == 7
    assert largest_difference(walk, saved(frames[0], "PNG")) is None


@pytest.mark.parametrize("size", [(4, 5), (6, 4), (5, 5)])
def test_another_size_is_another_picture(size: tuple[int, int]) -> None:
    found = verification(ORIGIN, png(1), png(1, size))
    assert (found.same, found.largest_difference) == (False, None)
    assert "size" in found.reason


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_of_lossy_formats_the_largest_difference_is_told(name: str) -> None:
    image = PIL.Image.effect_noise((16, 16), 40).convert("RGB")
    good, bad = (saved(image, name, quality=quality) for quality in (95, 90))
    found = verification(ORIGIN, good, bad)
    assert found.allowed == LOSSY_ALLOWED
    assert found.largest_difference is not None
    assert found.largest_difference > 0
    assert found.same is (found.largest_difference <= LOSSY_ALLOWED)
    assert not verification(ORIGIN, good, bad, tolerance=0).same


def test_which_formats_are_lossless(images: Mapping[str, bytes]) -> None:
    image = PIL.Image.new("RGB", (4, 4))
    assert [name for name in images if is_lossless(images[name])] == ["png", "apng"]
    assert is_lossless(saved(image, "WEBP", lossless=True))
    assert not is_lossless(saved(image, "WEBP", lossless=False))


def test_what_cannot_be_decoded_is_compared_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verification(ORIGIN, MP4, MP4 + b"\0\0\0\x08free")
    assert (found.same, found.compared, found.largest_difference) == (False, "bytes", None)
    one, other = png(1), png(1, compress_level=0)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    found = verification(ORIGIN, one, other)
    assert (found.same, found.compared) == (False, "bytes")
    assert "pip install 'figment-client[pillow]'" in found.reason


@pytest.mark.parametrize(("shift", "same"), [(0, True), (1, False), (40, False)])
def test_a_picture_is_drawn_again_from_the_request_in_it(service: FakeService, shift: int, same: bool) -> None:
    async def verify_async(content: bytes) -> object:
        async with AsyncFigment("http://test", transport=httpx.MockTransport(service)) as figment_async:
            return await figment_async.verify(content)

    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        content = figment.generate(3, seed=7).content
        service.redrawn = shift
        found = figment.verify(content)
        assert (found.same, found.largest_difference) == (same, shift)
        assert found.inspection == figment.inspect(io.BytesIO(content))
        assert asyncio.run(verify_async(content)) == found
    assert service.asked[2].url.raw_path == b"/generate?n=3&seed=7"


def test_a_picture_that_tells_no_request_cannot_be_drawn_again(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify_async(content: bytes) -> object:
        async with AsyncFigment("http://test", transport=httpx.MockTransport(service)) as figment_async:
            return await figment_async.verify(content)

    untold = {
        **inspected(encoded(["7"], {"figment:request": "/generate"})).json(),
        "request": None,
        "url": None,
        "command": None,
    }
    monkeypatch.setattr("tests.client.fake_service.inspected", lambda _: httpx.Response(200, json=untold))
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        assert figment.inspect(png(1)).request is None
        with pytest.raises(NoRequest, match="nothing to draw again"):
            figment.verify(png(1))
    with pytest.raises(NoRequest, match="nothing to draw again"):
        asyncio.run(verify_async(png(1)))
    assert {request.url.path for request in service.asked} == {"/inspect"}
