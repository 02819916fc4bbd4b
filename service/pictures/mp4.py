"""MP4 with H.264, by PyAV (FFmpeg and x264), which is optional."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from service.pictures.pixels import Pixels, flattened

SIDE_MAX = 16_384  # pixels, of x264
RATE_MAX = 65_535  # of the frame rate's denominator
BT709, LIMITED = 1, 1  # primaries, transfer and matrix; the range of studio video (ITU-T H.273)

# One thread, since the bytes must not depend on how many there are; no B frames, so that the first frame is shown at 0.
OPTIONS = {"crf": "18", "preset": "veryfast", "threads": "1", "bf": "0"}


def mp4_available() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def encode_mp4(frames: Pixels, fps: float, comment: str) -> bytes:
    """Encode frames as H.264 in MP4, with loss, to be played while it is loading. MP4 knows no repeating.

    Args:
        frames: uint8 [n, height, width, channels], checked; channels 1, 3 or 4. RGBA is shown on white. Sides are made
            even by repeating the last row and column; colour has half the resolution (4:2:0), as all players want it.
        fps: frames a second, 1 … 50.
        comment: the metadata of that name, in UTF-8; left out if empty.

    Raises:
        ValueError: PyAV is not installed, or a side is longer than 16,384 pixels.
    """
    if not mp4_available():
        raise ValueError("MP4 needs PyAV, which is not installed here (pip install av)")
    _, height, width, _ = frames.shape
    if max(height, width) > SIDE_MAX:
        raise ValueError(f"frames are {width} × {height} pixels; MP4 takes up to {SIDE_MAX} a side")
    return _encode(frames, Fraction(fps).limit_denominator(RATE_MAX), comment)


def _encode(frames: Pixels, rate: Fraction, comment: str) -> bytes:
    """The file; one frame after the other is made even, so that they are not all in memory twice."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    buffer = io.BytesIO()

    def written(url: str, flags: int, options: Mapping[str, str]) -> io.BytesIO:
        """What there is so far: FFmpeg reads it again to put what a player needs first in front of it."""
        return io.BytesIO(buffer.getvalue())

    # bitexact: no version of FFmpeg, so that the bytes repeat.
    muxer = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(buffer, "w", "mp4", options=muxer, io_open=written) as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream("libx264", rate, options=OPTIONS)
        stream.height, stream.width = _even(frames[0]).shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(_even(pixels), "rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _even(frame: Pixels) -> Pixels:
    """What is seen of a frame, as contiguous RGB with even height and width."""
    height, width, _ = frame.shape
    rgb = np.broadcast_to(flattened(frame), (height, width, 3))
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    return np.ascontiguousarray(rgb)
