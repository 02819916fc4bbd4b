import io
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.pictures.apng import encode_apng
from service.pictures.png import encode_png

TEXT = {"figment:request": "/interpolate?seeds=1,2", "figment:model": "größe/1", "figment:labels": "日本"}


def frames_of(n: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        found.append((png[position + 4 : position + 8], png[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("n", "height", "width"), [(1, 1, 1), (2, 3, 5), (5, 64, 64), (3, 300, 400)])
def test_every_pixel_of_every_frame_comes_back(seed: int, channels: int, n: int, height: int, width: int) -> None:
    frames = frames_of(n, height, width, channels, seed)
    with Image.open(io.BytesIO(encode_apng(frames, 10, TEXT))) as image:
        assert image.format == "PNG"
        assert image.n_frames == n
        for i, frame in enumerate(frames):
            image.seek(i)
            assert np.array_equal(np.asarray(image).reshape(frame.shape), frame)


@pytest.mark.parametrize(
    ("fps", "delay"), [(1, (1, 1)), (7, (1, 7)), (24, (1, 24)), (29.97, (100, 2997)), (50, (1, 50)), (12.5, (2, 25))]
)
def test_every_frame_lasts_exactly_as_long_as_it_should(fps: float, delay: tuple[int, int]) -> None:
    controls = [data for kind, data in chunks_of(encode_apng(frames_of(4, 2, 2, 3), fps, {})) if kind == b"fcTL"]
    assert [struct.unpack_from(">HH", data, 20) for data in controls] == [delay] * 4


@pytest.mark.parametrize("seed", range(3))
def test_any_rate_fits(seed: int) -> None:
    for fps in np.random.default_rng(seed).uniform(1, 50, 30):
        _, control = next(
            chunk for chunk in chunks_of(encode_apng(frames_of(1, 1, 1, 1), float(fps), {})) if chunk[0] == b"fcTL"
        )
        assert abs(Fraction(*struct.unpack_from(">HH", control, 20)) * Fraction(fps) - 1) < 1e-6


def test_the_chunks_are_numbered_in_their_order() -> None:
    chunks = chunks_of(encode_apng(frames_of(3, 2, 2, 3), 10, {"a": "b"}))
    kinds = [kind for kind, _ in chunks]
    assert kinds == [b"IHDR", b"tEXt", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"fcTL", b"fdAT", b"IEND"]
    assert [int.from_bytes(data[:4], "big") for kind, data in chunks if kind in (b"fcTL", b"fdAT")] == [0, 1, 2, 3, 4]
    assert dict(chunks)[b"acTL"] == struct.pack(">II", 3, 0)  # frames; for ever


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_who_knows_only_png_sees_the_first_frame(channels: int) -> None:
    frames = frames_of(3, 9, 7, channels)
    still = [chunk for chunk in chunks_of(encode_apng(frames, 10, TEXT)) if chunk[0] not in (b"acTL", b"fcTL", b"fdAT")]
    assert still == chunks_of(encode_png(frames[0], TEXT))


def test_text_comes_back_before_the_pixels_are_read() -> None:
    with Image.open(io.BytesIO(encode_apng(frames_of(2, 4, 4, 3), 10, TEXT))) as image:
        assert image.text == TEXT


def test_text_that_png_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="zero character"):
        encode_apng(frames_of(2, 4, 4, 3), 10, {"key": "a\0b"})


def test_pngcheck_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("pngcheck") is None:
        pytest.skip("pngcheck is not installed (apt-get install pngcheck)")
    for channels in (1, 3, 4):
        (tmp_path / f"{channels}.png").write_bytes(encode_apng(frames_of(3, 9, 7, channels), 10, TEXT))
    files = map(str, tmp_path.glob("*.png"))
    check = subprocess.run(["pngcheck", "-q", *files], capture_output=True, text=True, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
