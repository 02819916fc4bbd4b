"""Animated WebP and GIF of frames, with the request that made them inside."""

from __future__ import annotations

import itertools
from typing import Literal

from service.pictures.gif import encode_gif
from service.pictures.pixels import Pixels, check_pixels
from service.pictures.webp import encode_webp

Format = Literal["webp", "gif"]

FPS_MIN = 1
FPS_MAX = 50
"""Frames a second. Browsers slow a GIF whose frames last less than 20 ms down to 10 frames a second."""


def encode_animation(
    frames: Pixels,
    format: Format,  # noqa: A002 (the name it has in a request)
    fps: float,
    request: str = "",
) -> bytes:
    """Encode frames as an animation that repeats for ever.

    Every frame stays a frame of its own, equal neighbours too. The durations are whole units of the format
    (1 ms in WebP, 10 ms in GIF), cut so that after every frame the time since the start is right to half a
    unit. The file holds no clock time: the same arguments give the same bytes, with one release of Pillow.

    Args:
        frames: uint8 [n, height, width, channels], 0 … 255, any strides; channels 1, 3 or 4 (straight alpha).
            WebP draws them with loss; GIF is exact for grey, and has 255 colours for RGB and RGBA, where
            alpha below 128 becomes transparent and other alpha opaque.
        format: "webp" or "gif".
        fps: frames a second, 1 … 50.
        request: what made the frames. It is the EXIF ImageDescription of a WebP, and the comment of a GIF,
            both as UTF-8; left out if empty.

    Raises:
        TypeError: frames is no uint8 array.
        ValueError: a shape that cannot be drawn, a side too long (16,383 pixels are allowed in WebP, 65,535
            in GIF), an unknown format, fps out of range, or a zero character in the request.
    """
    check_pixels(frames, "frames", ("n", "height", "width", "channels"))
    if not FPS_MIN <= fps <= FPS_MAX:
        raise ValueError(f"fps is {fps}; {FPS_MIN} to {FPS_MAX} frames a second are allowed")
    if "\0" in request:
        raise ValueError("the request holds a zero character")
    if format == "webp":
        return encode_webp(frames, _durations(len(frames), fps, 1000), request)
    if format == "gif":
        return encode_gif(frames, _durations(len(frames), fps, 100), request)
    raise ValueError(f"format is {format!r}; 'webp' and 'gif' are allowed")


def _durations(n: int, fps: float, units: int) -> list[int]:
    """How long each of n frames lasts, in units of 1/`units` second, without letting the rounding add up."""
    starts = [round(i * units / fps) for i in range(n + 1)]
    return [end - start for start, end in itertools.pairwise(starts)]
