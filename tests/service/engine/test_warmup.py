from collections.abc import Callable

import numpy as np
import pytest

from bundle.latents import latents_of
from service.engine.protocol import EngineError, Latents, Pixels
from service.engine.warmup import warm_up
from tests.service.fake_engine import at_once, pixels_of


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2]), (64, [1, 2, 4, 8, 16, 32, 64]), (100, [1, 2, 4, 8, 16, 32, 64])],
)
def test_every_power_of_two_that_agrees_is_used_and_its_time_is_known(limit: int, sizes: list[int]) -> None:
    warmed = warm_up(pixels_of, 16, limit, at_once)
    assert [size.rows for size in warmed] == sizes
    assert all(size.seconds > 0 for size in warmed)


@pytest.mark.parametrize("place", [0, 1, 7, 20, 31])
def test_a_size_that_changes_one_bit_of_one_row_is_not_used(place: int) -> None:
    def run(latents: Latents) -> Pixels:
        pixels = pixels_of(latents)
        if len(latents) == 32:
            pixels[place, -1, -1, -1] ^= 1
        return pixels

    assert [size.rows for size in warm_up(run, 16, 64, at_once)] == [1, 2, 4, 8, 16, 64]


def noise(latents: Latents) -> Pixels:
    return np.random.default_rng().integers(0, 256, (len(latents), 4, 4, 3)).astype(np.uint8)


def constant(latents: Latents) -> Pixels:
    return np.full((len(latents), 4, 4, 3), 127, np.uint8)


def collapsed(latents: Latents) -> Pixels:
    return np.repeat(pixels_of(latents_of([1], 16)), len(latents), axis=0)


@pytest.mark.parametrize("max_batch", [1, 2, 16])
@pytest.mark.parametrize(
    ("run", "reason"),
    [(constant, "the same image"), (collapsed, "the same image"), (noise, "another image for the same latent")],
)
def test_a_broken_generator_is_refused(run: Callable[[Latents], Pixels], reason: str, max_batch: int) -> None:
    with pytest.raises(EngineError, match=reason):
        warm_up(run, 16, max_batch, at_once)


def test_an_error_of_the_generator_is_passed_on() -> None:
    def run(latents: Latents) -> Pixels:
        raise EngineError("burst")

    with pytest.raises(EngineError, match="burst"):
        warm_up(run, 16, 4, at_once)
