import io
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from service.pictures.png import encode_png

SHAPES = [(1, 1), (1, 7), (7, 1), (2, 3), (63, 65), (64, 64), (3, 4096)]
NEWLINES = "first\nsecond"
TEXTS = {
    "figment:request": "/generate?n=16&seed=7",
    "Title": "Größe £",
    "figment:seeds": "日本語 🎨",
    "Comment": NEWLINES,
    "Software": "",
    "é": "an accented keyword",
    "k" * 79: "the longest keyword",
}


def picture(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """A smooth ramp with noise: it has runs to compress and wraps around in the filter."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[:, :, np.newaxis]
    return (ramp + rng.integers(0, 30, (height, width, channels))).astype(np.uint8)


def decode(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        image.load()
        pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        data = png[position + 8 : position + 8 + length]
        (crc,) = struct.unpack_from(">I", png, position + 8 + length)
        assert crc == zlib.crc32(kind + data)
        found.append((kind, data))
        position += 12 + length
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_pixels_come_back_as_they_were(height: int, width: int, channels: int, seed: int) -> None:
    image = picture(height, width, channels, seed)
    assert np.array_equal(decode(encode_png(image)), image)


@settings(max_examples=40, deadline=None)
@given(
    npst.arrays(
        np.uint8,
        st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3, 4])),
        fill=st.nothing(),
    )
)
def test_any_pixels_come_back(image: np.ndarray) -> None:
    assert np.array_equal(decode(encode_png(image)), image)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("height", "width", "strips"), [(256, 256, 1), (512, 400, 2), (900, 1000, 10), (2, 500_000, 11)]
)
def test_a_large_image_is_one_stream_of_strips(height: int, width: int, strips: int, seed: int) -> None:
    image = picture(height, width, 3, seed)
    png = encode_png(image)
    np.testing.assert_array_equal(decode(png), image)
    pixels = [data for kind, data in chunks_of(png) if kind == b"IDAT"]
    assert len(pixels) == strips
    stream = zlib.decompressobj()
    assert len(stream.decompress(b"".join(pixels))) == height * (1 + 3 * width)
    assert stream.eof
    assert not stream.unused_data
    assert encode_png(image) == png


def test_two_axes_are_grey() -> None:
    image = picture(5, 9, 1)
    assert encode_png(image[:, :, 0]) == encode_png(image)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_strides_give_the_same_bytes(channels: int) -> None:
    image = picture(40, 60, channels)
    for view in (image[::-1], image[:, ::-2], image.transpose(1, 0, 2), image[3:17, 5:40], image[:, :, ::-1]):
        assert encode_png(view) == encode_png(view.copy())


def test_the_image_is_left_alone_and_may_be_read_only() -> None:
    image = picture(8, 8, 3)
    before = image.copy()
    image.setflags(write=False)
    encode_png(image)
    assert np.array_equal(image, before)


def test_the_same_image_and_text_give_the_same_bytes() -> None:
    image = picture(64, 64, 3)
    assert len({encode_png(image, TEXTS) for _ in range(5)}) == 1


def test_the_file_holds_no_clock_time() -> None:
    kinds = [kind for kind, _ in chunks_of(encode_png(picture(4, 4, 3), {"a": "b"}))]
    assert kinds == [b"IHDR", b"tEXt", b"IDAT", b"IEND"]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_smooth_picture_is_compressed(channels: int) -> None:
    rows = np.arange(256, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    image = np.broadcast_to(rows, (256, 256, channels))
    assert len(encode_png(image)) < image.size / 50


def test_text_comes_back_before_the_pixels_are_read() -> None:
    with Image.open(io.BytesIO(encode_png(picture(4, 4, 3), TEXTS))) as image:
        assert image.info == TEXTS


@pytest.mark.parametrize(
    ("text", "kind"),
    [("plain", b"tEXt"), ("Größe", b"tEXt"), ("a\nb", b"tEXt"), ("ψ", b"iTXt"), ("a\tb", b"iTXt")],
)
def test_text_goes_where_its_characters_are_defined(text: str, kind: bytes) -> None:
    png = encode_png(picture(2, 2, 3), {"key": text})
    assert [found for found, _ in chunks_of(png)][1] == kind
    with Image.open(io.BytesIO(png)) as image:
        assert image.info["key"] == text


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
def test_any_text_comes_back(text: str) -> None:
    with Image.open(io.BytesIO(encode_png(np.zeros((1, 1), np.uint8), {"key": text}))) as image:
        assert image.info["key"] == text


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("", "1 to 79"),
        ("k" * 80, "1 to 79"),
        (" key", "space"),
        ("key ", "space"),
        ("two  spaces", "space"),
        ("a\nb", "printable Latin-1"),
        ("a\0b", "printable Latin-1"),
        ("a\xa0b", "printable Latin-1"),
        ("ψ", "printable Latin-1"),
    ],
)
def test_keywords_against_the_rules_are_refused(keyword: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_png(picture(2, 2, 3), {keyword: "text"})


@pytest.mark.parametrize(("text", "message"), [("a\0b", "zero character"), ("\ud800", "UTF-8")])
def test_text_that_png_cannot_hold_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_png(picture(2, 2, 3), {"key": text})


def test_keywords_and_text_must_be_strings() -> None:
    with pytest.raises(TypeError, match="the text of 'seed' is a int"):
        encode_png(picture(2, 2, 3), {"seed": 7})
    with pytest.raises(TypeError, match="the keyword 7 is a int"):
        encode_png(picture(2, 2, 3), {7: "seed"})


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2, 3), (0, 4, 3), (4, 0, 3), (4, 4, 0), (4, 4, 2), (4, 4, 5), (0, 0)])
def test_shapes_that_cannot_be_drawn_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="image has"):
        encode_png(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, np.bool_])
def test_other_than_uint8_is_named(dtype: type[np.generic]) -> None:
    with pytest.raises(TypeError, match=f"image is of {np.dtype(dtype)}; uint8"):
        encode_png(np.zeros((2, 2, 3), dtype))


def test_a_list_is_no_image() -> None:
    with pytest.raises(TypeError, match="image is a list"):
        encode_png([[1, 2], [3, 4]])


def test_pngcheck_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("pngcheck") is None:
        pytest.skip("pngcheck is not installed (apt-get install pngcheck)")
    for height, width in SHAPES:
        for channels in (1, 3, 4):
            png = encode_png(picture(height, width, channels), TEXTS)
            (tmp_path / f"{height}x{width}x{channels}.png").write_bytes(png)
    files = sorted(tmp_path.glob("*.png"))
    assert len(files) == len(SHAPES) * 3
    check = subprocess.run(["pngcheck", "-q", *map(str, files)], capture_output=True, text=True, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
