import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.pictures.png import encode_png
from service.pictures.uploads import MAX_PIXELS, MAX_SIDE, PictureTooLarge, UnsupportedPicture, read_picture


def saved(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def noise(seed: int, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_of_the_model_s_shape_comes_back_as_it_is(seed: int, channels: int) -> None:
    pixels = noise(seed, channels=channels)
    found = read_picture(encode_png(pixels), 8, 8, channels)
    assert found.dtype == np.uint8
    assert found.shape == (8, 8, channels)
    if channels == 4:  # where nothing is to be seen the colour does not matter
        assert np.array_equal(found[..., 3], pixels[..., 3])
        assert np.array_equal(found[pixels[..., 3] > 0], pixels[pixels[..., 3] > 0])
    else:
        assert np.array_equal(found, pixels)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG", "AVIF", "TGA", "JPEG2000"])
def test_the_formats_that_are_read(kind: str) -> None:
    found = read_picture(saved(Image.new("RGB", (40, 40), (200, 30, 60)), kind), 8, 8, 3)
    assert np.abs(found.astype(int) - (200, 30, 60)).max() <= 6


@pytest.mark.parametrize("kind", ["PDF", "EPS", "ICO", "SGI"])
def test_other_formats_are_not_read(kind: str) -> None:
    with pytest.raises(UnsupportedPicture, match="there are: PNG, JPEG"):
        read_picture(saved(Image.new("RGB", (32, 32)), kind), 8, 8, 3)


@pytest.mark.parametrize("content", [b"GIF", b"hello", b"{}", bytes(1000), b"\x89PNG\r\n\x1a\n", b"<svg/>"])
def test_what_is_no_picture_is_unsupported(content: bytes) -> None:
    with pytest.raises(UnsupportedPicture):
        read_picture(content, 8, 8, 3)


def test_nothing_is_no_picture() -> None:
    with pytest.raises(ValueError, match="there is no picture"):
        read_picture(b"", 8, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused(kind: str, share: float) -> None:
    content = saved(Image.fromarray(noise(1, 64, 64)), kind)
    with pytest.raises(ValueError, match=r"cannot be decoded|no picture in a format"):
        read_picture(content[: int(len(content) * share)], 8, 8, 3)


def bomb(width: int, height: int) -> bytes:
    """A PNG of so many pixels, of which nothing is there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(MAX_PIXELS + 1, 1), (8192, 4097), (10_000, 10_000), (30_000, 30_000), (MAX_SIDE + 1, 1)]
)
def test_too_many_pixels_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    with pytest.raises(PictureTooLarge, match="pixels"):
        read_picture(bomb(width, height), 8, 8, 3)


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        found = read_picture(content, 8, 8, 3)
        assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 4, kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_its_exif_says(orientation: int) -> None:
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8, :8] = 255  # white above left
    undo = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
            5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, -1)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "JPEG"):
        stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
        found = read_picture(saved(stored, kind, exif=exif), 2, 2, 1)[..., 0]
        assert found[0, 0] > 200, kind
        assert found[1, 1] < 60, kind


def test_the_middle_is_cut_out() -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 255
    assert (read_picture(encode_png(wide), 4, 4, 3) > 250).mean() > 0.4
    assert read_picture(encode_png(wide), 4, 4, 3)[:, 1:3].min() == 255
    assert read_picture(encode_png(wide.swapaxes(0, 1)), 4, 4, 1)[1:3].min() == 255
    assert read_picture(encode_png(wide), 8, 24, 3).shape == (8, 24, 3)
    assert np.array_equal(read_picture(encode_png(wide), 8, 24, 3), wide)


def test_what_is_transparent_becomes_white_unless_the_model_has_alpha() -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :4] = (10, 20, 30, 255)
    assert (read_picture(encode_png(pixels), 8, 8, 3)[:, 4:] == 255).all()
    assert (read_picture(encode_png(pixels), 8, 8, 3)[:, :4] == (10, 20, 30)).all()
    assert (read_picture(encode_png(pixels), 8, 8, 1)[:, 4:] == 255).all()
    assert np.array_equal(read_picture(encode_png(pixels), 8, 8, 4)[..., 3], pixels[..., 3])
    assert (read_picture(encode_png(pixels[..., :3].copy()), 8, 8, 4)[..., 3] == 255).all()
    palette = saved(Image.new("P", (8, 8), 0), transparency=0)
    assert (read_picture(palette, 8, 8, 3) == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_becomes_the_model_s(mode: str, channels: int) -> None:
    white = {"1": 1, "L": 255, "LA": (255, 255), "P": 255, "RGB": (255,) * 3, "RGBA": (255,) * 4, "I;16": 65535}[mode]
    image = Image.new(mode, (20, 20), white)
    if mode == "P":
        image.putpalette([255] * 768)
    found = read_picture(saved(image), 8, 8, channels)
    assert found.shape == (8, 8, channels)
    assert (found == 255).all()


def test_cmyk_is_read_and_floats_are_not() -> None:
    assert (read_picture(saved(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "TIFF"), 8, 8, 3) == 255).all()
    with pytest.raises(UnsupportedPicture, match="32 bits"):
        read_picture(saved(Image.new("F", (8, 8)), "TIFF"), 8, 8, 3)


def test_sixteen_bits_are_not_cut_off() -> None:
    grey = Image.fromarray(np.full((8, 8), 0x8040, np.uint16))
    assert (read_picture(saved(grey), 8, 8, 1) == 0x80).all()
