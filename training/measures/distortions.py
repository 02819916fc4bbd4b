"""What the classifier of the labels is taught with: images as a fair generator draws them, and images of no class."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import Floats, Images

SIDE: Final = 32
"""Pixels: larger images are averaged down to it."""


def shrink(images: Images) -> Floats:
    """uint8 [n, h, h, c] → float32 [n, 32, 32, c] in −1 … 1, each pixel the mean of a square; 16 px are doubled."""
    count, side, _, channels = images.shape
    if side < SIDE:
        images = images.repeat(SIDE // side, 1).repeat(SIDE // side, 2)
        side = SIDE
    step = side // SIDE
    blocks = images.reshape(count, SIDE, step, SIDE, step, channels)
    small: Floats = blocks.mean((2, 4), dtype=np.float32) / np.float32(127.5) - np.float32(1)
    return small


def jittered(images: Floats, rng: np.random.Generator) -> Floats:
    """As a fair generator may draw them: moved by a pixel, a little noisy, soft or off in colour; the class stays."""
    count = len(images)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    out = np.empty_like(images)
    for i, (row, column) in enumerate(rng.integers(0, 3, (count, 2))):
        out[i] = padded[i, row : row + SIDE, column : column + SIDE]
    soft = rng.uniform(0, 1, (count, 1, 1, 1)).astype(np.float32) * (rng.random((count, 1, 1, 1)) < 0.5)
    out += soft.astype(np.float32) * (_blurred(out) - out)
    out += rng.normal(0, 0.02, (count, 1, 1, images.shape[-1])).astype(np.float32)
    out += rng.uniform(0, 0.06, (count, 1, 1, 1)).astype(np.float32) * rng.standard_normal(out.shape, np.float32)
    return out


def spoiled(a: Floats, b: Floats, differ: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Images of no class, one of each pair, in turn: a blend, a collage, a mosaic, a blot, noise.

    Blends and collages need two images of different classes (`differ`); where they are not, a mosaic is made.
    """
    makers = (_blend, _collage, _mosaic, _blot, _static)
    out = np.empty_like(a)
    for i in range(len(a)):
        kind = i % len(makers)
        out[i] = makers[kind if differ[i] or kind > 1 else 2](a[i], b[i], rng)
    return out


def _blend(a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    share = np.float32(rng.uniform(0.35, 0.65))
    blend: Floats = share * a + (1 - share) * b
    return blend


def _collage(a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    cut = int(rng.integers(SIDE * 3 // 8, SIDE * 5 // 8 + 1))
    if rng.random() < 0.5:
        return np.concatenate([a[:cut], b[cut:]], axis=0)
    return np.concatenate([a[:, :cut], b[:, cut:]], axis=1)


def _mosaic(a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    """The image's squares of 1 … 8 pixels in another order."""
    side = int(rng.choice([1, 2, 4, 8]))
    n = SIDE // side
    squares = a.reshape(n, side, n, side, -1).transpose(0, 2, 1, 3, 4).reshape(n * n, side, side, -1)
    mosaic: Floats = rng.permutation(squares).reshape(n, n, side, side, -1).transpose(0, 2, 1, 3, 4).reshape(a.shape)
    return mosaic


def _blot(a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    """Blurred until only squares or spots of 8 or more pixels are left."""
    n = int(rng.choice([1, 2, 4]))
    means = a.reshape(n, SIDE // n, n, SIDE // n, -1).mean((1, 3))
    if rng.random() < 0.5:
        squares: Floats = means.repeat(SIDE // n, 0).repeat(SIDE // n, 1)
        return squares
    at = np.clip((np.arange(SIDE) + 0.5) * n / SIDE - 0.5, 0, n - 1)
    weights = np.maximum(1 - np.abs(at[:, np.newaxis] - np.arange(n)), 0).astype(np.float32)  # bilinear
    spots: Floats = np.einsum("ip,jq,pqc->ijc", weights, weights, means)
    return spots


def _static(a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    """Noise over a flat colour or over the image."""
    level = np.float32(rng.uniform(0.5, 1))
    static: Floats = (1 - level) * a + level * rng.uniform(-1, 1, a.shape).astype(np.float32)
    return static


def _blurred(images: Floats) -> Floats:
    p = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / np.float32(4)
    soft: Floats = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / np.float32(4)
    return soft
