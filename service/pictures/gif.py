"""Animated GIF with one palette for all frames, so that colours do not flicker.

The format is GIF89a (CompuServe, 1990). Pillow finds the palette and compresses; the blocks are put together
here, because Pillow merges equal frames, and takes ten times as long to write frames that share a palette.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

from service.pictures.pixels import Pixels

COLOURS = 255  # of a palette of 256: the last stands for "transparent"
TRANSPARENT = 255
OPAQUE_FROM = 128  # alpha; GIF knows only transparent and opaque
SIDE_MAX = 65_535  # pixels
KEEP, CLEAR = 1, 2  # what becomes of a frame before the next one is drawn
BLOCK = 255  # bytes, the longest sub-block
GLOBAL_PALETTE_OF_256 = 0xF7
LOOP_FOR_EVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def encode_gif(frames: Pixels, durations: Sequence[int], comment: str) -> bytes:
    """Encode frames as a GIF that repeats for ever.

    Args:
        frames: uint8 [n, height, width, channels], checked; channels 1, 3 or 4. Grey is exact; RGB and RGBA
            are drawn in the nearest of 255 colours, without dithering, and alpha below 128 is transparent.
        durations: of each frame, in units of 10 ms, up to 65,535.
        comment: written in UTF-8, if not empty.

    Raises:
        ValueError: a side is longer than 65,535 pixels.
    """
    _, height, width, channels = frames.shape
    if max(height, width) > SIDE_MAX:
        raise ValueError(f"frames are {width} × {height} pixels; GIF takes up to {SIDE_MAX} a side")
    palette, indices = _grey(frames) if channels == 1 else _colours(frames)
    # Grey uses all 256 colours, so its 255 is white; else 255 in a first drawing is a hole.
    holes = channels == 4 and bool((indices == TRANSPARENT).any())
    if channels > 1 and not holes:
        indices = _changes(indices)
    parts = [
        struct.pack("<6sHHBBB", b"GIF89a", width, height, GLOBAL_PALETTE_OF_256, 0, 0),
        palette,
        LOOP_FOR_EVER,
    ]
    if comment:
        parts.append(_comment(comment))
    for index, duration in zip(indices, durations, strict=True):
        transparent = channels > 1 and bool((index == TRANSPARENT).any())
        parts.append(_frame(index, duration, CLEAR if holes else KEEP, transparent))
    return b"".join(parts) + b";"


def _grey(frames: Pixels) -> tuple[bytes, Pixels]:
    """All 256 greys in their order: the palette, and the pixels as they are, [n, height, width]."""
    return bytes(value for grey in range(256) for value in (grey, grey, grey)), frames[..., 0]


def _colours(frames: Pixels) -> tuple[bytes, Pixels]:
    """A palette from the visible pixels of all frames (256 · RGB), and all indices, [n, height, width]."""
    n, height, width, channels = frames.shape
    pixels = np.ascontiguousarray(frames[..., :3])
    hidden = frames[..., 3] < OPAQUE_FROM if channels == 4 else np.zeros((n, height, width), bool)
    visible = pixels[~hidden] if hidden.any() else pixels.reshape(-1, 3)
    if len(visible) == 0:
        return bytes(3 * 256), np.full((n, height, width), TRANSPARENT, np.uint8)
    # An octree takes a twentieth of the time of median cut, and was 1 to 2 dB nearer.
    chosen = Image.fromarray(visible[np.newaxis]).quantize(COLOURS, Image.Quantize.FASTOCTREE)
    picture = Image.fromarray(pixels.reshape(n * height, width, 3))
    nearest = picture.quantize(palette=chosen, dither=Image.Dither.NONE)
    indices = np.array(nearest, np.uint8).reshape(n, height, width)
    indices[hidden] = TRANSPARENT
    return bytes(chosen.getpalette("RGB") or ()).ljust(3 * 256, b"\0"), indices


def _changes(indices: Pixels) -> Pixels:
    """Transparent where a pixel is that of the frame before: runs compress, which saves up to a quarter."""
    changes = indices.copy()
    changes[1:][indices[1:] == indices[:-1]] = TRANSPARENT
    return changes


def _frame(index: Pixels, duration: int, disposal: int, transparent: bool) -> bytes:
    """Graphic control extension, image descriptor, and the pixels [height, width] in LZW of 8 bits."""
    height, width = index.shape
    control = struct.pack("<3sBHBB", b"\x21\xf9\x04", disposal << 2 | transparent, duration, TRANSPARENT, 0)
    descriptor = struct.pack("<BHHHHB", 0x2C, 0, 0, width, height, 0)
    compressed = Image.fromarray(np.ascontiguousarray(index)).tobytes("gif", "L", 8, 0)
    return control + descriptor + b"\x08" + compressed + b"\0"


def _comment(comment: str) -> bytes:
    text = comment.encode("utf-8")
    blocks = [text[start : start + BLOCK] for start in range(0, len(text), BLOCK)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
