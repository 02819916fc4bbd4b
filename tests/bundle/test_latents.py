import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.latents import Latents, PathMode, latents_of, lerp, path, slerp

HEADS = {  # the first four values, as published wherever RandomState(seed).randn is shown
    0: (1.7640524, 0.4001572, 0.978738, 2.2408931),
    1: (1.6243454, -0.6117564, -0.5281718, -1.0729686),
    42: (0.49671414, -0.1382643, 0.64768857, 1.5230298),
    4294967295: (0.64840865, 0.6693235, -1.0805438, 0.28450105),
}
TAILS = {  # (seed, latent_dim): the last value
    (0, 1): 1.764052391052246,
    (42, 1): 0.49671414494514465,
    (0, 7): 0.9500884413719177,
    (42, 7): 1.5792127847671509,
    (0, 128): 1.8492637872695923,
    (42, 128): -0.566297709941864,
    (4294967295, 128): -1.356748104095459,
    (0, 512): 1.3749641180038452,
    (42, 512): -0.05023811012506485,
    (4294967295, 512): -0.16334505379199982,
}
MODES: tuple[PathMode, ...] = ("slerp", "lerp")


def random_pair(seed: int, latent_dim: int = 64) -> tuple[Latents, Latents]:
    start, end = latents_of([seed, seed + 1], latent_dim)
    return start, end


@pytest.mark.parametrize(("seed", "head"), HEADS.items())
def test_a_seed_keeps_its_latent_for_ever(seed: int, head: tuple[float, ...]) -> None:
    np.testing.assert_array_equal(latents_of([seed], 4)[0], np.float32(head))


@pytest.mark.parametrize(("case", "last"), TAILS.items())
def test_every_latent_size_keeps_its_values(case: tuple[int, int], last: float) -> None:
    seed, latent_dim = case
    latents = latents_of([seed], latent_dim)
    assert latents.shape == (1, latent_dim)
    assert latents[0, -1] == np.float32(last)


@pytest.mark.parametrize("latent_dim", [1, 5, 128])
def test_each_row_is_its_seed_alone(latent_dim: int) -> None:
    seeds = [3, 1, 4, 1, 5, 2**32 - 1]
    together = latents_of(seeds, latent_dim)
    assert together.dtype == np.float32
    for row, seed in zip(together, seeds, strict=True):
        np.testing.assert_array_equal(row, latents_of([seed], latent_dim)[0])


def test_no_seeds_are_no_rows() -> None:
    assert latents_of([], 16).shape == (0, 16)


@pytest.mark.parametrize("truncation", [0.0, 0.25, 0.5, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("seed", [0, 9, 4242])
def test_truncation_multiplies_the_latent(seed: int, truncation: float) -> None:
    whole = np.random.RandomState(seed).randn(32)
    np.testing.assert_array_equal(latents_of([seed], 32, truncation)[0], np.float32(whole * truncation))


@pytest.mark.parametrize("truncation", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("classes", [0, 1, 10, 32])
def test_truncation_leaves_the_numbers_of_the_class_alone(classes: int, truncation: float) -> None:
    whole = np.random.RandomState(9).randn(32)
    whole[classes:] *= truncation
    np.testing.assert_array_equal(latents_of([9], 32, truncation, classes)[0], np.float32(whole))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_what_is_no_seed_has_no_latent(seed: int) -> None:
    with pytest.raises(ValueError, match="Seed"):
        latents_of([seed], 4)


def test_making_latents_leaves_the_global_random_state_alone() -> None:
    np.random.seed(123)
    expected = np.random.random()
    np.random.seed(123)
    latents_of(range(5), 8)
    assert np.random.random() == expected


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


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keys", range(2, 17))
def test_an_open_path_meets_every_key_where_steps_allow(keys: int, mode: PathMode) -> None:
    latents = latents_of(range(keys), 8)
    walk = path(latents, 3 * (keys - 1) + 1, mode)
    assert walk.shape == (3 * (keys - 1) + 1, 8)
    assert walk.dtype == np.float32
    np.testing.assert_allclose(walk[::3], latents, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keys", range(2, 17))
def test_a_looped_path_meets_every_key_and_stops_one_step_short(keys: int, mode: PathMode) -> None:
    latents = latents_of(range(keys), 8)
    walk = path(latents, 4 * keys, mode, loop=True)
    np.testing.assert_allclose(walk[::4], latents, rtol=1e-5, atol=1e-6)
    join = slerp if mode == "slerp" else lerp
    np.testing.assert_allclose(walk[-1], join(latents[-1], latents[0], 0.75), rtol=1e-5, atol=1e-6)


@given(keys=st.integers(2, 16), frames=st.integers(2, 60))
def test_an_open_path_begins_and_ends_at_its_ends(keys: int, frames: int) -> None:
    latents = latents_of(range(keys), 8)
    walk = path(latents, frames)
    assert len(walk) == frames
    np.testing.assert_allclose(walk[[0, -1]], latents[[0, -1]], rtol=1e-5, atol=1e-6)


@given(keys=st.integers(2, 16), frames=st.integers(2, 60), loop=st.booleans())
def test_a_straight_path_takes_equal_steps(keys: int, frames: int, loop: bool) -> None:
    circle = np.arange(keys, dtype=np.float32)[:, None]  # keys at 0, 1, 2 …: a frame's place is its value
    walk = path(circle, frames, "lerp", loop)[:, 0]
    steps = frames if loop else frames - 1
    places = np.arange(frames) * (keys if loop else keys - 1) / steps
    expected = np.where(places <= keys - 1, places, (keys - 1) * (keys - places))  # the way back from the last key
    np.testing.assert_allclose(walk, expected, atol=1e-4)


@pytest.mark.parametrize(("keys", "frames", "missing"), [(0, 8, "latents"), (1, 8, "latents"), (2, 1, "frames")])
def test_a_path_needs_two_keys_and_two_frames(keys: int, frames: int, missing: str) -> None:
    with pytest.raises(ValueError, match=f"at least 2 {missing}"):
        path(latents_of(range(keys), 4), frames)
