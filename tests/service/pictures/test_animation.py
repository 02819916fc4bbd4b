import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from service.pictures.animation import encode_animation
from service.pictures.mp4 import mp4_available
from service.pictures.provenance import read_provenance

FORMATS = ["webp", "gif", "apng"]
REQUEST = "/interpolate?seeds=1,2&frames=16&format=gif"
ALL = FORMATS + ["mp4"] * mp4_available()
TEXT = {"figment:request": REQUEST, "figment:seeds": "1,2", "figment:model": "avatars/1"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def walk(n: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """From one smooth opaque picture to another, as an interpolation goes.

    No slope is steep, since lossy WebP halves the resolution of colour.
    """
    rng = np.random.default_rng(seed)
    down, across = (np.indices((height, width)) / max(height, width, 64))[..., np.newaxis]
    ends = [(down * rng.random(channels) + across * rng.random(channels)) * 127 for _ in range(2)]
    share = np.linspace(0, 1, n)[:, None, None, None]
    frames = ((1 - share) * ends[0] + share * ends[1]).astype(np.uint8)
    if channels == 4:
        frames[..., 3] = 255
    return frames


def decode(animation: bytes, channels: int) -> tuple[np.ndarray, list[int]]:
    """All frames, [n, height, width, channels], and their durations in ms."""
    frames, durations = [], []
    with Image.open(io.BytesIO(animation)) as image:
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            frames.append(np.asarray(image.convert(MODES[channels])))
            durations.append(image.info["duration"])
    pixels = np.stack(frames)
    return (pixels if channels > 1 else pixels[..., np.newaxis]), durations


def rms(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("n", "height", "width"), [(1, 64, 64), (2, 1, 1), (5, 7, 3), (6, 63, 65), (2, 2, 4096)])
def test_every_frame_comes_back_near_to_what_it_was(
    format_: str, seed: int, channels: int, n: int, height: int, width: int
) -> None:
    frames = walk(n, height, width, channels, seed)
    drawn, durations = decode(encode_animation(frames, format_, 10, {}), channels)
    assert drawn.shape == frames.shape
    assert durations == [100] * n
    for given_frame, drawn_frame in zip(frames, drawn, strict=True):
        assert rms(given_frame, drawn_frame) < 5


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_gif_of_few_colours_is_exact(channels: int) -> None:
    frames = np.repeat(np.repeat(walk(3, 2, 2, channels) // 40 * 40, 8, axis=1), 8, axis=2)
    if channels == 4:
        frames[..., 3] = 255
    drawn, _ = decode(encode_animation(frames, "gif", 10, {}), channels)
    assert np.array_equal(drawn, frames)


@pytest.mark.parametrize("seed", range(3))
def test_a_grey_gif_is_exact(seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (4, 31, 33, 1), dtype=np.uint8)
    drawn, _ = decode(encode_animation(frames, "gif", 10, {}), 1)
    assert np.array_equal(drawn, frames)


@pytest.mark.parametrize("seed", range(3))
def test_opaque_pixels_of_a_gif_never_become_holes(seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    frames[:, :4] = 0
    drawn, _ = decode(encode_animation(frames, "gif", 10, {}), 4)
    assert (drawn[..., 3] == 255).all()
    assert (drawn[:, :4, :, :3] <= 16).all()


def test_a_gif_does_not_flicker() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    frames[:, :16] = frames[0, :16]
    drawn, _ = decode(encode_animation(frames, "gif", 10, {}), 3)
    assert (drawn[:, :16] == drawn[0, :16]).all()


@pytest.mark.parametrize("format_", FORMATS)
def test_transparent_pixels_stay_holes_and_move(format_: str) -> None:
    frames = np.full((4, 16, 16, 4), (200, 40, 40, 255), np.uint8)
    for i, frame in enumerate(frames):
        frame[4 * i : 4 * i + 4, :, 3] = 0
    drawn, _ = decode(encode_animation(frames, format_, 10, {}), 4)
    assert np.array_equal(drawn[..., 3], frames[..., 3])


@pytest.mark.parametrize("format_", FORMATS)
def test_wholly_transparent_frames_are_drawn(format_: str) -> None:
    frames = np.zeros((2, 8, 8, 4), np.uint8)
    drawn, durations = decode(encode_animation(frames, format_, 10, {}), 4)
    assert (drawn[..., 3] == 0).all()
    assert durations == [100, 100]


@pytest.mark.parametrize(("alpha", "drawn_alpha"), [(0, 0), (127, 0), (128, 255), (255, 255)])
def test_alpha_in_a_gif_is_all_or_nothing(alpha: int, drawn_alpha: int) -> None:
    frames = np.full((2, 4, 4, 4), 255, np.uint8)
    frames[0, :2, :, 3] = alpha
    drawn, _ = decode(encode_animation(frames, "gif", 10, {}), 4)
    assert (drawn[0, :2, :, 3] == drawn_alpha).all()
    assert (drawn[0, 2:, :, 3] == 255).all()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("equal", [slice(1, 3), slice(0, 2), slice(3, 5), slice(0, 5)])
def test_equal_neighbours_stay_frames_of_their_own(format_: str, channels: int, equal: slice) -> None:
    frames = walk(5, 16, 16, channels)
    frames[equal] = frames[equal.start]
    drawn, durations = decode(encode_animation(frames, format_, 10, {}), channels)
    assert durations == [100] * 5
    assert (drawn[equal] == drawn[equal.start]).all()


@pytest.mark.parametrize(("format_", "unit"), [("webp", 1), ("gif", 10), ("apng", 1e-6)])
@pytest.mark.parametrize("fps", [1, 3, 7, 12, 24, 29.97, 30, 50])
def test_the_time_since_the_start_is_right_after_every_frame(format_: str, unit: int, fps: float) -> None:
    _, durations = decode(encode_animation(walk(40, 4, 4, 3), format_, fps, {}), 3)
    assert len(durations) == 40
    ends = np.cumsum(durations)
    assert np.abs(ends - np.arange(1, 41) * 1000 / fps).max() <= unit / 2
    assert min(durations) >= 20


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("n", [1, 3])
def test_it_repeats_for_ever(format_: str, n: int) -> None:
    with Image.open(io.BytesIO(encode_animation(walk(n, 4, 4, 3), format_, 10, {}))) as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("format_", ALL)
@pytest.mark.parametrize("request_", [REQUEST, "/interpolate?seeds=日本", "/" + "x" * 1000])
def test_the_file_says_what_made_it(format_: str, request_: str) -> None:
    text = {**TEXT, "figment:request": request_}
    assert read_provenance(encode_animation(walk(3, 8, 8, 3), format_, 10, text)) == text


def test_other_programs_find_what_made_it() -> None:
    with Image.open(io.BytesIO(encode_animation(walk(3, 8, 8, 3), "gif", 10, TEXT))) as gif:
        assert json.loads(gif.info["comment"]) == TEXT
    with Image.open(io.BytesIO(encode_animation(walk(3, 8, 8, 3), "webp", 10, TEXT))) as webp:
        assert webp.getexif()[ExifTags.Base.ImageDescription] == REQUEST
    with Image.open(io.BytesIO(encode_animation(walk(3, 8, 8, 3), "apng", 10, TEXT))) as apng:
        assert apng.text == TEXT


def test_no_text_leaves_no_trace() -> None:
    with Image.open(io.BytesIO(encode_animation(walk(3, 8, 8, 3), "gif", 10, {}))) as gif:
        assert "comment" not in gif.info
    with Image.open(io.BytesIO(encode_animation(walk(3, 8, 8, 3), "webp", 10, {}))) as webp:
        assert "exif" not in webp.info


@pytest.mark.parametrize("format_", ["webp", "apng"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_without_loss_every_pixel_comes_back(format_: str, seed: int, channels: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (4, 31, 33, channels), dtype=np.uint8)
    animation = encode_animation(frames, format_, 10, {}, lossless=True)
    drawn, _ = decode(animation, channels)
    assert np.array_equal(drawn, frames)


def test_quality_is_that_of_webp() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    small, default, large = (encode_animation(frames, "webp", 10, {}, quality=quality) for quality in (20, 90, 100))
    assert len(small) < len(default) < len(large)
    assert encode_animation(frames, "webp", 10, {}) == default


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range_is_refused(quality: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        encode_animation(walk(2, 4, 4, 3), "webp", 10, {}, quality=quality)


@pytest.mark.parametrize("format_", ["gif", "mp4"])
def test_lossless_is_refused_where_it_cannot_be(format_: str) -> None:
    with pytest.raises(ValueError, match=f"{format_} is never lossless"):
        encode_animation(walk(2, 4, 4, 3), format_, 10, {}, lossless=True)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_same_frames_give_the_same_bytes(format_: str, channels: int) -> None:
    frames = walk(4, 32, 32, channels)
    assert len({encode_animation(frames, format_, 12, TEXT) for _ in range(3)}) == 1


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_strides_give_the_same_bytes(format_: str, channels: int) -> None:
    frames = walk(6, 20, 24, channels)[::-2].transpose(0, 2, 1, 3)
    assert encode_animation(frames, format_, 12, {}) == encode_animation(frames.copy(), format_, 12, {})


@pytest.mark.parametrize("format_", FORMATS)
def test_the_frames_are_left_alone_and_may_be_read_only(format_: str) -> None:
    frames = walk(3, 8, 8, 4)
    before = frames.copy()
    frames.setflags(write=False)
    encode_animation(frames, format_, 10, {})
    assert np.array_equal(frames, before)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4])),
    st.integers(1, 50),
    st.integers(0, 2**32 - 1),
)
def test_any_frames_are_all_there(format_: str, shape: tuple[int, ...], fps: int, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    drawn, durations = decode(encode_animation(frames, format_, fps, {}), shape[-1])
    assert drawn.shape == shape
    assert abs(sum(durations) - shape[0] * 1000 / fps) <= 5


@pytest.mark.parametrize("fps", [0, 0.5, -1, 50.5, float("nan"), float("inf")])
def test_fps_out_of_range_are_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="1 to 50"):
        encode_animation(walk(2, 4, 4, 3), "gif", fps, {})


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="format is 'tiff'; 'webp', 'gif', 'apng', 'mp4' are"):
        encode_animation(walk(2, 4, 4, 3), "tiff", 10, {})


@pytest.mark.parametrize("format_", ALL)
def test_a_zero_character_is_refused(format_: str) -> None:
    with pytest.raises(ValueError, match="zero character"):
        encode_animation(walk(2, 4, 4, 3), format_, 10, {"figment:request": "a\0b"})


@pytest.mark.parametrize(("format_", "side"), [("webp", 16_384), ("gif", 65_536)])
def test_a_side_too_long_for_the_format_is_refused(format_: str, side: int) -> None:
    with pytest.raises(ValueError, match=r"pixels; .* takes up to"):
        encode_animation(np.zeros((1, 1, side, 1), np.uint8), format_, 10, {})


@pytest.mark.parametrize("shape", [(4, 4, 3), (0, 4, 4, 3), (2, 4, 0, 3), (2, 4, 4, 2)])
def test_shapes_that_cannot_be_drawn_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames has"):
        encode_animation(np.zeros(shape, np.uint8), "webp", 10, {})


def test_other_than_uint8_is_named() -> None:
    with pytest.raises(TypeError, match="frames is of float64; uint8"):
        encode_animation(np.zeros((2, 4, 4, 3)), "webp", 10, {})
