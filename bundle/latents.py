"""Latents: the vectors a generator draws from, made from seeds and walked between.

All functions are pure; latents are float32.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Latents = NDArray[np.float32]
"""float32 [n, latent_dim]."""

PathMode = Literal["slerp", "lerp"]

SEED_SCHEME: Final = "numpy-randomstate-v1"
"""How a seed becomes a latent; a bundle names the scheme it was made for."""

PARALLEL: Final = 1e-6
"""Below this sine of the angle between two latents the arc is a line in float64, and slerp is lerp."""


def latents_of(seeds: Iterable[int], latent_dim: int, truncation: float = 1.0, classes: int = 0) -> Latents:
    """The latents of seeds, one row each, by the scheme `numpy-randomstate-v1`.

    Row i is `truncation · numpy.random.RandomState(seeds[i]).randn(latent_dim)`. NumPy freezes that stream
    (NEP 19), so a seed means the same latent for ever.

    Args:
        seeds: whole numbers 0 … 2³²−1.
        latent_dim: values a latent, ≥ 1.
        truncation: ψ ≥ 0; below 1 nearer to the middle: less varied, more typical.
        classes: K of a conditional generator, 0 … latent_dim: the first K numbers choose the class (see
            `bundle.classes`) and are not multiplied, so a seed keeps its class; nearer to the middle classes would mix.

    Returns:
        float32 [len(seeds), latent_dim].
    """
    state = _local.state
    rows = []
    for seed in seeds:
        state.seed(seed)
        rows.append(state.randn(latent_dim))
    latents = np.reshape(rows, (len(rows), latent_dim))
    latents[:, classes:] *= truncation
    return latents.astype(np.float32)


class _Local(threading.local):
    """A generator for each thread, to be seeded before each row: to make one costs 0.1 ms, fifty times the seeding."""

    def __init__(self) -> None:
        self.state = np.random.RandomState(0)


_local = _Local()


def lerp(start: Latents, end: Latents, t: float) -> Latents:
    """The straight line from `start` to `end`: (1 − t)·start + t·end, for t in [0, 1]; float32 [latent_dim]."""
    a, b = start.astype(np.float64), end.astype(np.float64)
    return ((1.0 - t) * a + t * b).astype(np.float32)


def slerp(start: Latents, end: Latents, t: float) -> Latents:
    """The arc from `start` to `end`, for t in [0, 1] (Shoemake 1985); float32 [latent_dim].

    With Ω the angle between them: (sin((1−t)Ω)·start + sin(tΩ)·end) / sin Ω. Gaussian latents lie near
    a sphere, and a straight line would cut through its empty middle. Latents that point the same or the opposite
    way, or are zero, have no single arc between them: there it is `lerp`.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    omega = np.arccos(np.clip(a @ b / norms, -1.0, 1.0)) if norms > 0 else 0.0
    if np.sin(omega) < PARALLEL:
        return lerp(start, end, t)
    arc: Latents = ((np.sin((1.0 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)).astype(np.float32)
    return arc


def path(keys: Latents, frames: int, mode: PathMode = "slerp", loop: bool = False) -> Latents:
    """A walk through key latents in equal steps: float32 [frames, latent_dim].

    An open path begins at the first key and ends at the last. A looped one goes on from the last
    to the first and stops one step short of it, so that the frames can be repeated without a double frame.

    Args:
        keys: float32 [k, latent_dim], k ≥ 2.
        frames: how many latents, ≥ 2, over the whole path.
        mode: what joins two keys.
        loop: whether the path closes.

    Raises:
        ValueError: fewer than two keys or frames.
    """
    if len(keys) < 2:
        raise ValueError(f"a path needs at least 2 latents, got {len(keys)}")
    if frames < 2:
        raise ValueError(f"a path needs at least 2 frames, got {frames}")
    join = slerp if mode == "slerp" else lerp
    return np.stack([join(keys[i], keys[j], t) for i, j, t in _positions(len(keys), frames, loop)])


def _positions(keys: int, frames: int, loop: bool) -> Sequence[tuple[int, int, float]]:
    """For each frame the two keys it lies between and how far, in [0, 1], it is on the way."""
    segments = keys if loop else keys - 1
    steps = frames if loop else frames - 1
    positions = []
    for frame in range(frames):
        segment, rest = divmod(frame * segments, steps)
        if segment == segments:  # the end of an open path belongs to its last segment
            segment, rest = segments - 1, steps
        positions.append((segment, (segment + 1) % keys, rest / steps))
    return positions
