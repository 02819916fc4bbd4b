"""Animations of frames, with what made them inside."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Literal, get_args

from service.pictures.apng import encode_apng
from service.pictures.gif import encode_gif
from service.pictures.mp4 import encode_mp4
from service.pictures.pixels import Pixels, check_pixels
from service.pictures.provenance import comment_of, exif_of
from service.pictures.stills import QUALITY_MAX, QUALITY_MIN
from service.pictures.webp import QUALITY, encode_webp

Format = Literal["webp", "gif", "apng", "mp4"]

FORMATS = get_args(Format)

FPS_MIN = 1
FPS_MAX = 50
"""Frames a second. Browsers slow a GIF whose frames last less than 20 ms down to 10 frames a second."""


def encode_animation(
    frames: Pixels,
    format: Format,  # noqa: A002 (the name it has in a request)
    fps: float,
    text: Mapping[str, str],
    *,
    quality: int = QUALITY,
    lossless: bool = False,
) -> bytes:
    """Encode frames as an animation, which repeats for ever but in MP4.

    Every frame stays a frame of its own, equal neighbours too. In WebP and GIF the durations are whole units of
    the format (1 ms and 10 ms), cut so that after every frame the time since the start is right to half a
    unit; in APNG and MP4 they are fractions. The file holds no clock time: the same arguments give the same bytes,
    with one release of the libraries.

    Args:
        frames: uint8 [n, height, width, channels], 0 … 255, any strides; channels 1, 3 or 4 (straight alpha).
            APNG and lossless WebP are exact. WebP and MP4 draw with loss, MP4 on white and with sides made even. GIF is
            exact for grey, and has 255 colours for RGB and RGBA, where alpha below 128 becomes transparent and other
            alpha opaque.
        format: "webp", "gif", "apng" or "mp4"; the last needs PyAV (`mp4_available`).
        fps: frames a second, 1 … 50.
        text: the provenance, keyword to text; nothing is written if it is empty. WebP has it in EXIF (`exif_of`), GIF
            and MP4 in a comment (`comment_of`), APNG in text chunks.
        quality: 1 … 100, of WebP with loss.
        lossless: of WebP.

    Raises:
        TypeError: frames is no uint8 array.
        ValueError: a shape that cannot be drawn, a side too long (16,383 pixels are allowed in WebP, 65,535
            in GIF, 16,384 in MP4), an unknown format, fps or quality out of range, a zero character in the text,
            `lossless` for GIF or MP4, or MP4 without PyAV.
    """
    check_pixels(frames, "frames", ("n", "height", "width", "channels"))
    if not FPS_MIN <= fps <= FPS_MAX:
        raise ValueError(f"fps is {fps}; {FPS_MIN} to {FPS_MAX} frames a second are allowed")
    if not QUALITY_MIN <= quality <= QUALITY_MAX:
        raise ValueError(f"quality is {quality}; {QUALITY_MIN} to {QUALITY_MAX} are allowed")
    if format not in FORMATS:
        raise ValueError(f"format is {format!r}; {', '.join(map(repr, FORMATS))} are allowed")
    if lossless and format in ("gif", "mp4"):
        raise ValueError(f"{format} is never lossless; apng is, and webp can be")
    if format == "webp":
        return encode_webp(frames, _durations(len(frames), fps, 1000), exif_of(text), quality, lossless)
    if format == "gif":
        return encode_gif(frames, _durations(len(frames), fps, 100), comment_of(text))
    if format == "apng":
        return encode_apng(frames, fps, text)
    return encode_mp4(frames, fps, comment_of(text))


def _durations(n: int, fps: float, units: int) -> list[int]:
    """How long each of n frames lasts, in units of 1/`units` second, without letting the rounding add up."""
    starts = [round(i * units / fps) for i in range(n + 1)]
    return [end - start for start, end in itertools.pairwise(starts)]
