"""Walks between latents."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.latents import Latents, latents_of
from bundle.walks import Easing, PathMode, along, ease, frames_of_walk, lattice, lerp, slerp, walk

MODES: tuple[PathMode, ...] = ("slerp", "lerp")


def random_pair(seed: int, latent_dim: int = 64) -> tuple[Latents, Latents]:
    start, end = latents_of([seed, seed + 1], latent_dim)
    return start, end


@pytest.mark.parametrize("join", [slerp, lerp])
@pytest.mark.parametrize("seed", [0, 10, 77])
def test_both_ends_are_met(join: type[slerp], seed: int) -> None:
    start, end = random_pair(seed)
    np.testing.assert_allclose(join(start, end, 0.0), start, rtol=1e-6)
    np.testing.assert_allclose(join(start, end, 1.0), end, rtol=1e-6)
    assert join(start, end, 0.5).dtype == np.float32


@given(st.integers(0, 2**32 - 2), st.floats(0, 1))
def test_an_arc_between_unit_vectors_stays_on_the_sphere(seed: int, t: float) -> None:
    start, end = (v / np.linalg.norm(v) for v in random_pair(seed, 16))
    assert np.linalg.norm(slerp(start, end, t)) == pytest.approx(1.0, abs=1e-6)


@given(st.integers(0, 2**32 - 2), st.floats(0, 1))
def test_an_arc_turns_evenly(seed: int, t: float) -> None:
    start, end = (v / np.linalg.norm(v) for v in random_pair(seed, 16))
    omega = math.acos(float(start.astype(float) @ end.astype(float)))
    turned = math.acos(min(1.0, float(start.astype(float) @ slerp(start, end, t).astype(float))))
    assert turned == pytest.approx(t * omega, abs=1e-3)


def test_a_quarter_circle_is_halved_at_45_degrees() -> None:
    middle = slerp(np.float32([1, 0]), np.float32([0, 1]), 0.5)
    np.testing.assert_allclose(middle, [math.sqrt(0.5), math.sqrt(0.5)], rtol=1e-6)
    np.testing.assert_allclose(lerp(np.float32([1, 0]), np.float32([0, 1]), 0.5), [0.5, 0.5])


@given(st.integers(0, 2**32 - 2), st.floats(0, 1))
def test_a_path_back_is_the_path_reversed(seed: int, t: float) -> None:
    start, end = random_pair(seed, 16)
    for join in (slerp, lerp):
        np.testing.assert_allclose(join(start, end, t), join(end, start, 1 - t), atol=1e-5)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(
    ("name", "factor"), [("the same", 1.0), ("parallel", 2.5), ("opposite", -1.0), ("opposite, longer", -3.0)]
)
def test_where_there_is_no_single_arc_slerp_is_lerp(name: str, factor: float, t: float) -> None:
    start, _ = random_pair(5)
    end = (factor * start).astype(np.float32)
    between = slerp(start, end, t)
    assert np.isfinite(between).all()
    np.testing.assert_allclose(between, (1 - t) * start + t * end, atol=1e-5)


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_a_zero_latent_is_no_reason_for_nan(t: float) -> None:
    zero, (other, _) = np.zeros(64, np.float32), random_pair(1)
    np.testing.assert_allclose(slerp(zero, other, t), t * other, rtol=1e-6)
    np.testing.assert_allclose(slerp(other, zero, t), (1 - t) * other, rtol=1e-6)
    np.testing.assert_array_equal(slerp(zero, zero, t), zero)


EASINGS: tuple[Easing, ...] = ("linear", "smooth", "ease-in", "ease-out")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("easing", EASINGS)
@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(("keys", "frames"), [(2, 2), (2, 5), (3, 2), (5, 4), (16, 9)])
def test_a_walk_meets_every_key(keys: int, frames: int, loop: bool, easing: Easing, mode: PathMode) -> None:
    latents = latents_of(range(keys), 8)
    steps = walk(latents, frames, mode, loop, easing)
    assert steps.dtype == np.float32
    assert len(steps) == frames_of_walk(keys, frames, loop) == (frames - 1) * (keys if loop else keys - 1) + (not loop)
    np.testing.assert_allclose(steps[:: frames - 1], latents, rtol=1e-5, atol=1e-6)


@given(keys=st.integers(2, 16), frames=st.integers(2, 30), loop=st.booleans())
def test_a_straight_walk_takes_equal_steps_in_each_segment(keys: int, frames: int, loop: bool) -> None:
    line = np.arange(keys, dtype=np.float32)[:, None]  # keys at 0, 1, 2 …: a frame's place is its value
    steps = walk(line, frames, "lerp", loop)[:, 0]
    places = np.arange(len(steps)) / (frames - 1)
    expected = np.where(places <= keys - 1, places, (keys - 1) * (keys - places))  # the way back from the last key
    np.testing.assert_allclose(steps, expected, atol=1e-4)


@given(keys=st.integers(2, 8), frames=st.integers(2, 9), loop=st.booleans(), easing=st.sampled_from(EASINGS))
def test_a_frame_of_a_walk_is_found_by_its_share_of_the_way(keys: int, frames: int, loop: bool, easing: Easing) -> None:
    latents = latents_of(range(keys), 8)
    steps = walk(latents, frames, "slerp", loop, easing)
    last = (frames - 1) * (keys if loop else keys - 1)
    for frame, latent in enumerate(steps):
        np.testing.assert_allclose(along(latents, frame / last, "slerp", loop, easing), latent, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(along(latents, 1.0, "slerp", loop), latents[0 if loop else -1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("easing", "quarter"), [("linear", 0.25), ("smooth", 0.15625), ("ease-in", 0.0625), ("ease-out", 0.4375)]
)
def test_an_easing_is_its_curve(easing: Easing, quarter: float) -> None:
    assert ease(0.25, easing) == pytest.approx(quarter)
    assert (ease(0.0, easing), ease(1.0, easing)) == (0.0, 1.0)
    curve = [ease(t / 50, easing) for t in range(51)]
    assert curve == sorted(curve)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("columns", "rows"), [(2, 2), (8, 8), (3, 5)])
@pytest.mark.parametrize("seed", [0, 5])
def test_a_lattice_has_its_corners_and_walks_at_its_sides(seed: int, columns: int, rows: int, mode: PathMode) -> None:
    corners = latents_of(range(seed, seed + 4), 8)
    found = lattice(corners, columns, rows, mode).reshape(rows, columns, 8)
    np.testing.assert_allclose(found[[0, 0, -1, -1], [0, -1, 0, -1]], corners, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[:, 0], walk(corners[[0, 2]], rows, mode), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[-1], walk(corners[[2, 3]], columns, mode), rtol=1e-5, atol=1e-6)


def test_what_is_too_little_for_a_walk_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 latents"):
        walk(latents_of([1], 4), 8, loop=True)
    with pytest.raises(ValueError, match="at least 2 frames"):
        walk(latents_of([1, 2], 4), 1)
    with pytest.raises(ValueError, match="4 corners"):
        lattice(latents_of([1, 2], 4), 2, 2)
