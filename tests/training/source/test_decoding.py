from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.source import decode

Encode = Callable[..., bytes]
Pixels = NDArray[np.uint8]

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(side: int = 64) -> Image.Image:
    """Red and green above, blue and white below: shows which way up, and which way round."""
    image = Image.new("RGB", (side, side))
    half = side // 2
    for place, colour in zip([(0, 0), (half, 0), (0, half), (half, half)], [RED, GREEN, BLUE, WHITE], strict=True):
        image.paste(colour, (*place, place[0] + half, place[1] + half))
    return image


def corners(pixels: Pixels) -> list[list[int]]:
    """The middles of the four quarters, as read."""
    quarter = len(pixels) // 4
    return [pixels[y, x].tolist() for y in (quarter, -quarter) for x in (quarter, -quarter)]


def near(found: list[list[int]], expected: list[tuple[int, ...]], tolerance: int) -> bool:
    return bool(np.abs(np.array(found) - np.array(expected)).max() <= tolerance)


GREYS = [(76,), (150,), (29,), (255,)]  # ITU-R 601-2 luma of the four, as Pillow documents it


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("JPEG", {"quality": 95}, 6),
        ("JPEG", {"quality": 95, "progressive": True}, 6),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
    ],
)
@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_every_format_keeps_colours_and_places(
    encode: Encode, kind: str, options: dict[str, object], tolerance: int, resolution: int
) -> None:
    pixels = decode(encode(quarters(), kind, **options), resolution, 3)
    assert (pixels.shape, pixels.dtype) == ((resolution, resolution, 3), np.uint8)
    assert near(corners(pixels), [RED, GREEN, BLUE, WHITE], tolerance)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_becomes_every_number_of_channels(encode: Encode, mode: str, channels: int) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 40), 40_000, np.uint16))
    else:
        image = Image.new("RGB", (40, 40), "white").convert(mode)
    pixels = decode(encode(image, "JPEG" if mode == "CMYK" else "PNG"), 32, channels)
    assert pixels.shape == (32, 32, channels)
    value = round(40_000 / 65_535 * 255) if mode == "I;16" else 255
    assert set(pixels[..., :3].ravel().tolist()) == {value}
    assert channels < 4 or (pixels[..., 3] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_colours_become_grey_by_luma(encode: Encode, kind: str) -> None:
    pixels = decode(encode(quarters(), kind), 64, 1)
    assert near(corners(pixels), GREYS, 0 if kind == "PNG" else 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_stays_grey(encode: Encode, channels: int) -> None:
    image = Image.fromarray(np.repeat(np.uint8([[0, 80, 160, 240]]), 16, axis=1).repeat(64, axis=0))
    pixels = decode(encode(image), 64, channels)
    np.testing.assert_array_equal(pixels[32, [8, 24, 40, 56], 0], [0, 80, 160, 240])
    assert (pixels == pixels[..., :1]).all()


def test_a_palette_without_transparency_is_its_colours(encode: Encode) -> None:
    image = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    assert corners(decode(encode(image), 64, 3)) == [list(c) for c in (RED, GREEN, BLUE, WHITE)]


def with_hole(mode: str) -> Image.Image:
    """Red or dark on the left, fully transparent (over black) on the right."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 32, 64))
    if mode == "P":
        palette = image.convert("RGB").quantize(2)
        palette.info["transparency"] = palette.getpixel((60, 0))
        return palette
    return image.convert(mode)


@pytest.mark.parametrize(("mode", "left"), [("RGBA", [255, 0, 0]), ("P", [255, 0, 0]), ("LA", [76, 76, 76])])
def test_transparency_lies_on_white(encode: Encode, mode: str, left: list[int]) -> None:
    pixels = decode(encode(with_hole(mode)), 64, 3)
    assert pixels[32, 10].tolist() == left
    assert pixels[32, 54].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_with_four_channels_transparency_is_kept(encode: Encode, mode: str) -> None:
    pixels = decode(encode(with_hole(mode)), 64, 4)
    assert (pixels[32, 10, 3], pixels[32, 54, 3]) == (255, 0)


def test_a_transparent_colour_of_an_rgb_png_lies_on_white(encode: Encode) -> None:
    pixels = decode(encode(quarters(), transparency=RED), 64, 3)
    assert corners(pixels) == [list(c) for c in (WHITE, GREEN, BLUE, WHITE)]


def test_half_transparent_is_half_white(encode: Encode) -> None:
    pixels = decode(encode(Image.new("RGBA", (32, 32), (0, 0, 0, 128))), 32, 3)
    assert set(pixels.ravel().tolist()) == {127}


def test_a_transparent_edge_does_not_bleed_its_hidden_colour(encode: Encode) -> None:
    image = Image.new("RGBA", (256, 256), (0, 255, 0, 0))  # green, but nobody sees it
    image.paste((255, 0, 0, 255), (0, 0, 128, 256))
    pixels = decode(encode(image), 32, 4).astype(int)
    seen = pixels[..., 3] > 0
    assert (pixels[..., 1][seen] == 0).all()


def test_a_cmyk_jpeg_is_not_a_negative(encode: Encode) -> None:
    content = encode(quarters().convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in content  # the marker of inverted inks, as Photoshop writes it
    assert near(corners(decode(content, 64, 3)), [RED, GREEN, BLUE, WHITE], 12)


@pytest.mark.parametrize("values", [(0, 20_000, 40_000, 65_535), (0, 100, 200, 255)], ids=["bright", "dark"])
def test_sixteen_bits_become_eight_by_their_own_range(encode: Encode, values: tuple[int, ...]) -> None:
    columns = np.repeat(np.uint16([values]), 16, axis=1).repeat(64, axis=0)
    pixels = decode(encode(Image.fromarray(columns)), 64, 1)
    expected = [round(v / 65_535 * 255) for v in values]
    np.testing.assert_allclose(pixels[32, [8, 24, 40, 56], 0], expected, atol=1)


def test_one_bit_is_black_and_white(encode: Encode) -> None:
    image = Image.new("1", (64, 64), 0)
    image.paste(1, (32, 0, 64, 64))
    pixels = decode(encode(image), 64, 1)
    assert (pixels[32, 10, 0], pixels[32, 54, 0]) == (0, 255)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "transpose"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_a_photograph_comes_out_the_right_way_up(
    encode: Encode, kind: str, orientation: int, transpose: Image.Transpose | None
) -> None:
    """How a camera stores it, and the tag that undoes it (EXIF 2.3, table 7)."""
    stored = quarters() if transpose is None else quarters().transpose(transpose)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encode(stored, kind, exif=exif), 64, 3)
    assert near(corners(pixels), [RED, GREEN, BLUE, WHITE], 20)


def test_the_first_frame_of_an_animation_is_taken(encode: Encode) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        assert near([decode(content, 32, 3)[16, 16].tolist()], [RED], 2), kind


@pytest.mark.parametrize("size", [(96, 32), (32, 96), (1000, 300), (300, 1000)])
def test_the_middle_square_is_taken(encode: Encode, size: tuple[int, int]) -> None:
    width, height = size
    image = Image.new("RGB", size, "black")
    side = min(size)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste("white", (left, top, left + side, top + side))
    pixels = decode(encode(image), 32, 3)
    assert (pixels[4:-4, 4:-4] == 255).all()
    assert pixels.min() > 200  # nothing from beside the square but the resampling's edge


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (7, 5), (3000, 2000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_any_size_becomes_the_resolution(encode: Encode, size: tuple[int, int], kind: str) -> None:
    pixels = decode(encode(Image.new("RGB", size, (10, 200, 90)), kind), 32, 3)
    assert pixels.shape == (32, 32, 3)
    assert near([pixels[16, 16].tolist()], [(10, 200, 90)], 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_truncated_image_is_refused(encode: Encode, kind: str, part: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    content = encode(noise, kind)
    with pytest.raises(ValueError, match=r"."):
        decode(content[: int(len(content) * part)], 32, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"just some text, named .png", "not an image of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known kind"),
        (b"\x89PNG\r\n\x1a\n", "not an image of a known kind"),
        (b"\xff\xd8\xff\xe0", "not an image of a known kind|truncated|broken"),
        (b"\0" * 1000, "not an image of a known kind"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason_a_person_understands(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        decode(content, 32, 3)
    assert "0x" not in str(refusal.value)  # no addresses of objects


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [(10_001, 10_000, "more than 100000000"), (60_000, 60_000, "exceeds limit|more than")],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # our own limit is the one that refuses
def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    huge_png: Callable[[int, int], bytes], width: int, height: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(huge_png(width, height), 32, 3)


@pytest.mark.parametrize("shape", [(28, 28, 1), (40, 20, 3), (32, 32, 4)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_decoded_like_the_file_that_holds_them(
    encode: Encode, shape: tuple[int, int, int], channels: int
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    image = Image.fromarray(pixels[..., 0] if shape[2] == 1 else pixels)
    np.testing.assert_array_equal(decode(pixels, 32, channels), decode(encode(image), 32, channels))
