import numpy as np
import pytest

from bundle.latents import latents_of
from service.projection.gauge import MOST, PIECE, Gauge, largest_power, next_rows
from tests.service.fake_engine import FakeProjector

TARGET = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(("number", "power"), [(1, 1), (2, 2), (3, 2), (31, 16), (32, 32), (33, 32)])
def test_pieces_are_powers_of_two(number: int, power: int) -> None:
    assert largest_power(number) == power


@pytest.mark.parametrize(
    ("ran", "rows", "taken", "expected"),
    [
        (1, 1, 0.001, 2), (16, 16, 0.001, 32), (32, 32, 0.001, MOST), (8, 8, 0.8 * PIECE, 8), (8, 8, 2 * PIECE, 4),
        (1, 1, 9.0, 1), (2, 8, 0.001, 8), (2, 8, 2 * PIECE, 1),
    ],
)  # fmt: skip
def test_a_piece_grows_until_it_takes_long(ran: int, rows: int, taken: float, expected: int) -> None:
    assert next_rows(ran, rows, taken) == expected


@pytest.mark.parametrize("n", [1, 5, 100])
def test_all_is_measured_and_the_closest_is_kept(n: int) -> None:
    latents, pieces = latents_of(range(n), 16), list[float]()
    gauge = Gauge(FakeProjector(), TARGET, pieces.append)
    losses = gauge.losses(latents)
    expected = ((latents - 0.5) ** 2).mean(axis=1)
    assert losses == pytest.approx(expected)
    again, gradients = gauge.slopes(latents)
    assert np.array_equal(again, losses)
    assert gradients == pytest.approx(2 * (latents - 0.5) / 16, abs=1e-6)
    assert gauge.latent is not None
    assert np.array_equal(gauge.latent, latents[expected.argmin()])
    assert gauge.distance == pytest.approx(expected.min())
    assert len(pieces) >= 2


def test_what_comes_later_counts_if_it_is_closer() -> None:
    gauge = Gauge(FakeProjector(), TARGET, lambda taken: None)
    for value, best in [(0.9, 0.9), (0.6, 0.6), (0.0, 0.6), (0.5, 0.5)]:
        gauge.losses(np.full((1, 16), value, np.float32))
        assert gauge.latent is not None
        assert gauge.latent[0] == np.float32(best)


def test_a_slow_generator_gets_one_row_at_a_time_and_the_pause_hears_how_long() -> None:
    now, sizes, pieces = [0.0], list[int](), list[float]()

    class Slow(FakeProjector):
        def measure(self, latents, target):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            now[0] += 0.2 * len(latents)
            sizes.append(len(latents))
            return super().measure(latents, target)

    Gauge(Slow(), TARGET, pieces.append, lambda: now[0]).losses(latents_of(range(5), 16))
    assert sizes == [1] * 5
    assert pieces == pytest.approx([0.2] * 5)
