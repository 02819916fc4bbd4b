import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bundle.latents import latents_of
from service.engine.protocol import BatchSize, Do, Draw, EngineError, Latents, Pixels
from service.engine.warmup import Variant, warm_up
from tests.service.fake_engine import at_once, pixels_of


def warmed(
    draw: Draw, bits: Draw, latent_dim: int, max_batch: int, do: Do, width: int | None = None
) -> list[BatchSize]:
    return [size for size, _ in warm_up([Variant("only", draw, bits)], latent_dim, max_batch, do, width).sizes]


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2]), (64, [1, 2, 4, 8, 16, 32, 64]), (100, [1, 2, 4, 8, 16, 32, 64])],
)
def test_every_power_of_two_that_agrees_is_used_and_its_time_is_known(limit: int, sizes: list[int]) -> None:
    found = warmed(pixels_of, pixels_of, 16, limit, at_once)
    assert [size.rows for size in found] == sizes
    assert all(size.seconds > 0 for size in found)


@pytest.mark.parametrize("place", [0, 1, 7, 20, 31])
def test_a_size_that_changes_one_bit_of_one_row_is_not_used(place: int) -> None:
    def run(latents: Latents) -> Pixels:
        pixels = pixels_of(latents)
        if len(latents) == 32:
            pixels[place, -1, -1, -1] ^= 1
        return pixels

    assert [size.rows for size in warmed(run, run, 16, 64, at_once)] == [1, 2, 4, 8, 16, 64]


@pytest.mark.parametrize(
    ("classes", "used"),
    [
        ({1: 0, 2: 1, 4: 2, 8: 3, 16: 2, 32: 4, 64: 2}, [4, 16, 64]),  # an EPYC without AVX-512
        ({1: 0, 2: 0, 4: 1, 8: 1, 16: 2, 32: 2, 64: 3}, [16, 32]),  # as many: the set with the larger batch
        ({1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5, 64: 6}, [64]),
    ],
)
def test_the_largest_set_of_sizes_that_agree_is_used(classes: dict[int, int], used: list[int]) -> None:
    def bits(latents: Latents) -> NDArray[np.float32]:
        return latents[:, :4] * np.float32(1.0 + classes[len(latents)] * 1e-5)

    assert [size.rows for size in warmed(pixels_of, bits, 16, 64, at_once)] == used


def test_sizes_whose_pixels_agree_and_whose_numbers_do_not_are_not_used() -> None:
    def bits(latents: Latents) -> NDArray[np.float32]:
        return latents + np.float32(1e-4) * (len(latents) == 1)

    assert [size.rows for size in warmed(pixels_of, bits, 16, 8, at_once)] == [2, 4, 8]


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
        warmed(run, run, 16, max_batch, at_once)


def test_an_error_of_the_generator_is_passed_on() -> None:
    def run(latents: Latents) -> Pixels:
        raise EngineError("burst")

    with pytest.raises(EngineError, match="burst"):
        warmed(run, run, 16, 4, at_once)


@pytest.mark.parametrize(("width", "sizes"), [(45, [1, 3, 7, 16, 32]), (1, [16, 32]), (None, [1, 2, 4, 8, 16, 32])])
def test_rows_that_may_be_drawn_otherwise_at_the_end_are_padding(width: int | None, sizes: list[int]) -> None:
    def bits(latents: Latents) -> NDArray[np.float32]:
        drawn = latents.copy()
        if width is not None and len(latents) % 16:  # the last numbers of the batch are computed otherwise
            drawn.reshape(-1)[-15:] += np.float32(1e-3)
        return drawn

    found = warmed(pixels_of, bits, 16 if width is None else width, 32, at_once, width)
    assert [size.rows for size in found] == sizes
    assert all(size.run in (1, 2, 4, 8, 16, 32) for size in found)


@pytest.mark.parametrize(("width", "limit", "needed"), [(1, 8, 16), (45, 1, 2), (5, 2, 4)])
def test_a_graph_that_needs_larger_batches_says_so(width: int, limit: int, needed: int) -> None:
    with pytest.raises(EngineError, match=f"have {needed} rows or more: FIGMENT_MAX_BATCH is {limit}"):
        warmed(pixels_of, pixels_of, 16, limit, at_once, width=width)
    if needed <= 4:
        assert warmed(pixels_of, pixels_of, 16, needed, at_once, width=width)


def test_the_fingerprint_tells_what_is_drawn_from_what_is_not() -> None:
    def fingerprint(bits: Draw, limit: int) -> str:
        return warm_up([Variant("graph", pixels_of, bits)], 16, limit, at_once).fingerprint

    def changed(latents: Latents) -> NDArray[np.float32]:
        return np.nextafter(latents, np.float32(9))

    def odd(latents: Latents) -> NDArray[np.float32]:
        return changed(latents) if len(latents) == 1 else latents

    assert fingerprint(changed, 4) != fingerprint(lambda latents: latents, 4)
    assert fingerprint(lambda latents: latents, 64) == fingerprint(lambda latents: latents, 2)
    assert fingerprint(odd, 64) == fingerprint(lambda latents: latents, 64)
    assert fingerprint(odd, 1) != fingerprint(odd, 64)  # where nothing but the odd size may be used


def slow(draw: Draw, sizes: set[int]) -> Draw:
    """The same, but late for some sizes."""

    def run(latents: Latents) -> NDArray[np.uint8]:
        if len(latents) in sizes:
            time.sleep(0.02)
        return draw(latents)

    return run


@pytest.mark.parametrize("better", [set(), {1}, {2, 8}, {1, 2, 4, 8}])
def test_each_size_is_run_in_its_fastest_way_where_the_ways_agree(better: set[int]) -> None:
    ways = [
        Variant("graph", slow(pixels_of, better), pixels_of),
        Variant("XLA", slow(pixels_of, {1, 2, 4, 8} - better), pixels_of),
    ]
    found = warm_up(ways, 16, 8, at_once).sizes
    assert {size.rows: way.name == "XLA" for size, way in found} == {rows: rows in better for rows in (1, 2, 4, 8)}


def other(latents: Latents) -> NDArray[np.uint8]:
    return pixels_of(latents) ^ np.uint8(1)


@pytest.mark.parametrize("fast", ["graph", "XLA"])
def test_ways_that_do_not_agree_are_not_mixed_and_times_do_not_choose_between_them(fast: str) -> None:
    late = {1, 2, 4, 8}
    ways = [
        Variant("graph", slow(pixels_of, late if fast == "XLA" else {1}), pixels_of),
        Variant("XLA", slow(other, late if fast == "graph" else {1}), other),
    ]
    assert {way.name for _, way in warm_up(ways, 16, 8, at_once).sizes} == {"graph"}


def test_the_way_with_more_sizes_is_used_whatever_its_speed() -> None:
    def odd(latents: Latents) -> NDArray[np.uint8]:
        return pixels_of(latents) ^ np.uint8(2 * (len(latents) == 2))

    ways = [Variant("graph", odd, odd), Variant("XLA", slow(other, {1, 2, 4}), other)]
    assert [(size.rows, way.name) for size, way in warm_up(ways, 16, 4, at_once).sizes] == [
        (1, "XLA"),
        (2, "XLA"),
        (4, "XLA"),
    ]


def test_a_second_way_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    def fails(latents: Latents) -> NDArray[np.uint8]:
        raise EngineError("XLA does not know Erfinv")

    ways = [Variant("graph", pixels_of, pixels_of), Variant("XLA", fails, fails)]
    assert {way.name for _, way in warm_up(ways, 16, 4, at_once).sizes} == {"graph"}
    assert "not by XLA: XLA does not know Erfinv" in caplog.text
    with pytest.raises(EngineError, match="Erfinv"):
        warm_up(ways[::-1], 16, 4, at_once)
