"""Walks: latents on the way between key latents, along arcs or lines.

All functions are pure; latents are float32.
"""

from typing import Final, Literal

import numpy as np

from bundle.latents import Latents

PathMode = Literal["slerp", "lerp"]
"""What joins two latents: the arc, or the straight line."""

Easing = Literal["linear", "smooth", "ease-in", "ease-out"]
"""How a segment is walked: at one speed, or slowly at both ends, at its beginning, or at its end."""

PARALLEL: Final = 1e-6
"""Below this sine of the angle between two latents the arc is a line in float64, and slerp is lerp."""


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


def ease(t: float, easing: Easing) -> float:
    """How far, in [0, 1], a segment is walked after the share t of its time: t, 3t² − 2t³, t², or 1 − (1 − t)²."""
    if easing == "smooth":
        return t * t * (3.0 - 2.0 * t)
    if easing == "ease-in":
        return t * t
    if easing == "ease-out":
        return 1.0 - (1.0 - t) ** 2
    return t


def frames_of_walk(keys: int, frames: int, loop: bool = False) -> int:
    """How many frames a walk through so many keys has, of which `frames` are in a segment with both its ends.

    (frames − 1) · segments, and one more for the end of an open walk; a looped one has as many segments as keys, and
    stops one step short of its beginning, so that it can be repeated without a double frame.
    """
    return (frames - 1) * keys if loop else (frames - 1) * (keys - 1) + 1


def walk(
    keys: Latents, frames: int, mode: PathMode = "slerp", loop: bool = False, easing: Easing = "linear"
) -> Latents:
    """A walk through key latents: float32 [`frames_of_walk(…)`, latent_dim]; it meets each of them.

    Args:
        keys: float32 [k, latent_dim], k ≥ 2.
        frames: of a segment, from key to key, both included; ≥ 2.
        mode: what joins two keys.
        loop: whether the last segment leads back to the first key.
        easing: how each segment is walked.

    Raises:
        ValueError: fewer than two keys or frames.
    """
    if frames < 2:
        raise ValueError(f"a walk needs at least 2 frames a segment, got {frames}")
    steps = frames - 1
    places = [divmod(frame, steps) for frame in range(frames_of_walk(len(keys), frames, loop))]
    return np.stack([_between(keys, segment, rest / steps, mode, loop, easing) for segment, rest in places])


def along(keys: Latents, t: float, mode: PathMode = "slerp", loop: bool = False, easing: Easing = "linear") -> Latents:
    """One latent of a walk: float32 [latent_dim], the share t in [0, 1] of the way; each segment takes as long.

    t = 0 is the first key, and t = 1 the last, or in a loop the first again. Arguments and errors as of `walk`.
    """
    segments = len(keys) if loop else len(keys) - 1
    segment = min(int(t * segments), segments - 1)
    return _between(keys, segment, t * segments - segment, mode, loop, easing)


def lattice(corners: Latents, columns: int, rows: int, mode: PathMode = "slerp") -> Latents:
    """Latents between four corners, row by row: float32 [rows · columns, latent_dim].

    The left and the right edge are walked first, from the top to the bottom, then each row from the left to the right.

    Args:
        corners: float32 [4, latent_dim]: top left, top right, bottom left, bottom right.
        columns: ≥ 2.
        rows: ≥ 2.
        mode: what joins two latents.

    Raises:
        ValueError: not four corners, or fewer than two columns or rows.
    """
    if len(corners) != 4:
        raise ValueError(f"a lattice has 4 corners, got {len(corners)}")
    left, right = (walk(corners[[side, side + 2]], rows, mode) for side in (0, 1))
    return np.concatenate([walk(np.stack(ends), columns, mode) for ends in zip(left, right, strict=True)])


def _between(keys: Latents, segment: int, t: float, mode: PathMode, loop: bool, easing: Easing) -> Latents:
    """The latent at t in [0, 1] of a segment; the frame behind the last segment is that segment's end."""
    if len(keys) < 2:
        raise ValueError(f"a walk needs at least 2 latents, got {len(keys)}")
    if segment == len(keys) - 1 and not loop:
        end: Latents = keys[-1]
        return end
    join = slerp if mode == "slerp" else lerp
    return join(keys[segment], keys[(segment + 1) % len(keys)], ease(t, easing))
