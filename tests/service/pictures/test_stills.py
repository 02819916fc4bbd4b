import io
import json

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.pictures.pixels import flattened
from service.pictures.png import encode_png
from service.pictures.provenance import read_provenance
from service.pictures.stills import encode_still

FORMATS = ["png", "webp", "jpeg", "avif"]
LOSSY = ["webp", "jpeg", "avif"]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
TEXT = {"figment:request": "/generate?n=4&seed=7", "figment:seeds": "7,8,9,10", "figment:model": "avatars/1"}


def smooth(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """A smooth picture, its alpha too; no slope is steep, since WebP halves the resolution of colour."""
    rng = np.random.default_rng(seed)
    down, across = (np.indices((height, width)) / max(height, width, 64))[..., np.newaxis]
    return ((down * rng.random(channels) + across * rng.random(channels)) * 127).astype(np.uint8)


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def decode(content: bytes, format_: str, channels: int) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == format_.upper()
        pixels = np.asarray(image.convert(MODES[channels]))
    return pixels if channels > 1 else pixels[:, :, np.newaxis]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b) ** 2))))


@pytest.mark.parametrize("format_", LOSSY)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 3), (63, 65), (64, 128)])
def test_a_smooth_picture_comes_back_near_to_what_it_was(
    format_: str, seed: int, channels: int, height: int, width: int
) -> None:
    image = smooth(height, width, channels, seed)
    if channels == 4:
        image[..., 3] = 255
    drawn = decode(encode_still(image, format_, text=TEXT), format_, channels)
    assert drawn.shape == image.shape
    assert psnr(drawn, image) > 36


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("format_", "lossless"), [("png", False), ("png", True), ("webp", True)])
def test_without_loss_every_pixel_comes_back(format_: str, lossless: bool, seed: int, channels: int) -> None:
    image = noise(31, 33, channels, seed)
    content = encode_still(image, format_, lossless=lossless, text=TEXT)
    assert np.array_equal(decode(content, format_, channels), image)


def test_png_is_that_of_our_encoder() -> None:
    assert encode_still(noise(8, 8, 3), "png", quality=1, text=TEXT) == encode_png(noise(8, 8, 3), TEXT)


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_alpha_comes_back(format_: str) -> None:
    image = smooth(64, 64, 4)
    image[..., 3] = np.linspace(0, 255, 64).astype(np.uint8)
    drawn = decode(encode_still(image, format_, text=TEXT), format_, 4)
    assert psnr(drawn[..., 3], image[..., 3]) > 40


@pytest.mark.parametrize("seed", range(3))
def test_jpeg_shows_alpha_on_white(seed: int) -> None:
    image = smooth(64, 64, 4, seed)
    image[..., 3] = np.linspace(0, 255, 64).astype(np.uint8)
    assert psnr(decode(encode_still(image, "jpeg", text=TEXT), "jpeg", 3), flattened(image)) > 36


@pytest.mark.parametrize(("format_", "mode"), [("png", "L"), ("jpeg", "L"), ("webp", "RGB"), ("avif", "L")])
def test_grey_stays_grey(format_: str, mode: str) -> None:
    with Image.open(io.BytesIO(encode_still(noise(64, 64, 1), format_, text=TEXT))) as picture:
        assert picture.mode == mode
        pixels = np.asarray(picture.convert("RGB"))
    assert np.ptp(pixels, axis=2).max() <= 1  # WebP rounds its colours


def test_avif_stores_no_colour_of_grey() -> None:
    assert b"av1C\x81\x00\x1c" in encode_still(noise(64, 64, 1), "avif", text={})  # monochrome (AV1-ISOBMFF, 2.3)
    assert b"av1C\x81\x20\x00" in encode_still(noise(64, 64, 3), "avif", text={})


@pytest.mark.parametrize(("quality", "layer"), [(69, (2, 2)), (70, (1, 1)), (90, (1, 1))])
def test_jpeg_has_full_colour_where_it_pays(quality: int, layer: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(encode_still(noise(16, 16, 3), "jpeg", quality=quality, text={}))) as picture:
        assert picture.layer[0][1:3] == layer


@pytest.mark.parametrize("format_", LOSSY)
def test_more_quality_is_more_bytes_and_nearer(format_: str) -> None:
    image = noise(64, 64, 3)
    contents = [encode_still(image, format_, quality=quality, text={}) for quality in (10, 50, 90, 100)]
    sizes = [len(content) for content in contents]
    likeness = [psnr(decode(content, format_, 3), image) for content in contents]
    assert sizes == sorted(set(sizes))
    assert likeness == sorted(set(likeness))
    assert encode_still(image, format_, text={}) == contents[2]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_same_arguments_give_the_same_bytes(format_: str, channels: int) -> None:
    image = noise(40, 60, channels)
    assert len({encode_still(image, format_, text=TEXT) for _ in range(3)}) == 1
    view = image[::-1, ::2]
    assert encode_still(view, format_, text=TEXT) == encode_still(view.copy(), format_, text=TEXT)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("request_", ["/generate", "/generate?seed=日本 🎨", "/" + "x" * 20_000])
def test_the_file_says_what_made_it(format_: str, channels: int, request_: str) -> None:
    text = {**TEXT, "figment:request": request_}
    assert read_provenance(encode_still(noise(8, 8, channels), format_, text=text)) == text


@pytest.mark.parametrize("format_", LOSSY)
def test_other_programs_find_what_made_it(format_: str) -> None:
    with Image.open(io.BytesIO(encode_still(noise(8, 8, 3), format_, text=TEXT))) as picture:
        exif = picture.getexif()
    assert exif[ExifTags.Base.ImageDescription] == TEXT["figment:request"]
    comment = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment[:8] == b"ASCII\0\0\0"
    assert json.loads(comment[8:]) == TEXT


@pytest.mark.parametrize("format_", LOSSY)
def test_no_text_leaves_no_trace(format_: str) -> None:
    with Image.open(io.BytesIO(encode_still(noise(8, 8, 3), format_, text={}))) as picture:
        assert not picture.getexif()


def test_a_jpeg_leaves_out_a_request_that_is_too_long_for_it() -> None:
    text = {**TEXT, "figment:request": "/" + "x" * 40_000}
    found = read_provenance(encode_still(noise(8, 8, 3), "jpeg", text=text))
    assert found == {name: value for name, value in TEXT.items() if name != "figment:request"}


def test_a_jpeg_refuses_other_text_that_is_too_long_for_it() -> None:
    with pytest.raises(ValueError, match="JPEG takes up to 65,527"):
        encode_still(noise(8, 8, 3), "jpeg", text={"figment:seeds": "7" * 70_000})


@pytest.mark.parametrize(("format_", "limit"), [("webp", 16_383), ("jpeg", 65_535), ("avif", 65_535)])
def test_a_side_too_long_is_refused_with_the_limit(format_: str, limit: int) -> None:
    with pytest.raises(ValueError, match=f"{format_} takes up to {limit:,} a side"):
        encode_still(np.zeros((limit + 1, 1, 1), np.uint8), format_, text={})


@pytest.mark.parametrize(("format_", "limit"), [("webp", 16_383), ("jpeg", 65_500)])
def test_the_longest_side_is_drawn(format_: str, limit: int) -> None:
    with Image.open(io.BytesIO(encode_still(np.zeros((1, limit, 1), np.uint8), format_, text=TEXT))) as picture:
        assert picture.size == (limit, 1)


@pytest.mark.parametrize("format_", LOSSY)
@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range_is_refused(format_: str, quality: int) -> None:
    with pytest.raises(ValueError, match=f"quality is {quality}; 1 to 100"):
        encode_still(noise(4, 4, 3), format_, quality=quality, text={})


@pytest.mark.parametrize("format_", ["jpeg", "avif"])
def test_lossless_is_refused_where_it_cannot_be(format_: str) -> None:
    with pytest.raises(ValueError, match=f"{format_} is never lossless"):
        encode_still(noise(4, 4, 3), format_, lossless=True, text={})


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="format is 'tiff'; 'png', 'webp', 'jpeg' and 'avif'"):
        encode_still(noise(4, 4, 3), "tiff", text={})


@pytest.mark.parametrize("format_", FORMATS)
def test_a_zero_character_is_refused(format_: str) -> None:
    with pytest.raises(ValueError, match="zero character"):
        encode_still(noise(4, 4, 3), format_, text={"figment:request": "a\0b"})


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("shape", [(4,), (0, 4, 3), (4, 4, 2), (1, 4, 4, 3)])
def test_shapes_that_cannot_be_drawn_are_named(format_: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="image has"):
        encode_still(np.zeros(shape, np.uint8), format_, text={})


def test_other_than_uint8_is_named() -> None:
    with pytest.raises(TypeError, match="image is of float64"):
        encode_still(np.zeros((4, 4, 3)), "webp", text={})
