import importlib.util
import io
import json
from fractions import Fraction

import numpy as np
import pytest

from service.pictures.animation import encode_animation
from service.pictures.mp4 import encode_mp4, mp4_available
from service.pictures.pixels import flattened

av = pytest.importorskip("av")

TEXT = {"figment:request": "/interpolate?seeds=1,2&format=mp4", "figment:seeds": "1,2", "figment:model": "größe/1"}


def walk(n: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """From one smooth picture to another, as an interpolation goes; colour is drawn in half the resolution."""
    rng = np.random.default_rng(seed)
    down, across = (np.indices((height, width)) / max(height, width, 64))[..., np.newaxis]
    ends = [(down * rng.random(channels) + across * rng.random(channels)) * 127 for _ in range(2)]
    share = np.linspace(0, 1, n)[:, None, None, None]
    return ((1 - share) * ends[0] + share * ends[1]).astype(np.uint8)


def decode(mp4: bytes) -> tuple[np.ndarray, list[Fraction]]:
    """All frames as RGB, [n, height, width, 3], and when each is shown, in seconds."""
    with av.open(io.BytesIO(mp4)) as container:
        frames = list(container.decode(video=0))
    units = [Fraction(frame.time_base.numerator, frame.time_base.denominator) for frame in frames]
    times = [frame.pts * unit for frame, unit in zip(frames, units, strict=True)]
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), times


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b) ** 2))))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("n", "height", "width"), [(1, 64, 64), (2, 1, 1), (6, 63, 65), (5, 7, 4), (40, 32, 32)])
def test_every_frame_comes_back_near_to_what_it_was(seed: int, channels: int, n: int, height: int, width: int) -> None:
    frames = walk(n, height, width, channels, seed)
    drawn, times = decode(encode_mp4(frames, 10, ""))
    assert drawn.shape == (n, height + height % 2, width + width % 2, 3)
    assert times == [Fraction(i, 10) for i in range(n)]
    for given, shown in zip(flattened(frames), drawn[:, :height, :width], strict=True):
        assert psnr(np.broadcast_to(given, shown.shape), shown) > 34


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 60, 30)])
def test_colours_are_what_they_were(colour: tuple[int, int, int]) -> None:
    drawn, _ = decode(encode_mp4(np.full((3, 16, 16, 3), colour, np.uint8), 10, ""))
    assert np.abs(drawn.astype(int) - colour).max() <= 4


def test_alpha_is_shown_on_white() -> None:
    frames = np.zeros((2, 32, 32, 4), np.uint8)
    frames[:, :16, :, 3] = 255
    drawn, _ = decode(encode_mp4(frames, 10, ""))
    assert drawn[:, :14].max() <= 8
    assert drawn[:, 18:].min() >= 247


def test_equal_neighbours_stay_frames_of_their_own() -> None:
    drawn, times = decode(encode_mp4(np.full((7, 16, 16, 3), 90, np.uint8), 25, ""))
    assert len(drawn) == 7
    assert times == [Fraction(i, 25) for i in range(7)]


@pytest.mark.parametrize("fps", [1, 7, 24, 29.97, 50])
def test_the_rate_is_that_which_was_told(fps: float) -> None:
    _, times = decode(encode_mp4(walk(20, 8, 8, 3), fps, ""))
    assert np.abs(np.array(times, float) - np.arange(20) / fps).max() < 1e-3


def test_any_player_shows_it_while_it_is_loading() -> None:
    mp4 = encode_mp4(walk(3, 16, 16, 3), 10, "")
    assert mp4.index(b"moov") < mp4.index(b"mdat")
    with av.open(io.BytesIO(mp4)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_range) == (1, 1)


def test_the_comment_says_what_made_it() -> None:
    with av.open(io.BytesIO(encode_animation(walk(3, 16, 16, 3), "mp4", 10, TEXT))) as container:
        assert json.loads(container.metadata["comment"]) == TEXT
    with av.open(io.BytesIO(encode_animation(walk(3, 16, 16, 3), "mp4", 10, {}))) as container:
        assert "comment" not in container.metadata


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_same_frames_give_the_same_bytes(channels: int) -> None:
    frames = walk(12, 64, 64, channels)
    assert len({encode_mp4(frames, 12, "comment") for _ in range(3)}) == 1
    view = frames[::-2].transpose(0, 2, 1, 3)
    assert encode_mp4(view, 12, "") == encode_mp4(view.copy(), 12, "")


def test_the_frames_are_left_alone_and_may_be_read_only() -> None:
    frames = walk(3, 7, 7, 4)
    before = frames.copy()
    frames.setflags(write=False)
    encode_mp4(frames, 10, "")
    assert np.array_equal(frames, before)


def test_a_side_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="frames are 16385 × 1 pixels; MP4 takes up to 16384"):
        encode_mp4(np.zeros((1, 1, 16_385, 1), np.uint8), 10, "")


def test_without_pyav_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mp4_available()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not mp4_available()
    with pytest.raises(ValueError, match="MP4 needs PyAV"):
        encode_mp4(walk(2, 4, 4, 3), 10, "")
