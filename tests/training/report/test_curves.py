import re

import numpy as np
import pytest

from training.report.curves import Line, draw, smoothed, thinned, ticks


def line(y: list[float], **settings: object) -> Line:
    x = np.linspace(0, 1000, len(y))
    return Line("loss", "blue", x, np.array(y, float), **settings)  # type: ignore[arg-type]


def points(path: str) -> np.ndarray:
    return np.array([[float(n) for n in pair.split()] for pair in re.split("[ML]", path.rstrip("Z"))[1:]])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2.5, 5, 7.5, 10]), (-1, 1, [-1, -0.5, 0, 0.5, 1]), (0, 280_000, [0, 50e3, 100e3, 150e3, 200e3, 250e3]),
     (0.1, 0.9, [0.2, 0.4, 0.6, 0.8]), (1e-6, 4.1e-6, [1e-6, 2e-6, 3e-6, 4e-6])],
)  # fmt: skip
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 4) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_ticks_are_a_few_and_within(seed: int) -> None:
    random = np.random.default_rng(seed)
    low = random.normal() * 10.0 ** random.integers(-4, 6)
    high = low + abs(random.normal()) * 10.0 ** random.integers(-4, 6)
    found = ticks(low, high, 4)
    assert 2 <= len(found) <= 8
    assert low - 1e-9 * abs(low) <= found[0]
    assert found[-1] <= high + 1e-9 * abs(high)


@pytest.mark.parametrize("count", [1, 2, 29, 31, 500])
def test_smoothing_keeps_a_constant_and_a_length(count: int) -> None:
    np.testing.assert_allclose(smoothed(np.full(count, 3.5)), 3.5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_smoothing_takes_most_of_the_noise(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=400)
    assert smoothed(noise).std() < 0.3
    assert abs(smoothed(noise + 7).mean() - 7) < 0.3


@pytest.mark.parametrize("count", [1, 399, 400, 401, 10_000])
def test_long_lines_are_thinned(count: int) -> None:
    found = thinned(np.arange(count, dtype=float))
    assert len(found) == min(count, 400)
    assert found.mean() == pytest.approx((count - 1) / 2, rel=0.01, abs=0.6)


def test_larger_values_are_higher_up_and_images_run_to_the_right() -> None:
    drawing = draw([line([1, 2, 3], smooth=False)], 1000)
    path = points(drawing.lines[0].path)
    assert list(path[:, 0]) == [0, 500, 1000]
    assert path[0, 1] > path[1, 1] > path[2, 1]
    assert drawing.lines[0].values == ((0, 1), (50, 2), (100, 3))


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [0.0, 0.0], [-5.0, -5.0], [1e-9, 1e-9]])
def test_a_constant_is_drawn_inside(values: list[float]) -> None:
    drawing = draw([line(values)], 1000)
    assert ((points(drawing.lines[0].path)[:, 1] >= 0) & (points(drawing.lines[0].path)[:, 1] <= 1000)).all()
    assert drawing.ticks


def test_one_spike_does_not_flatten_the_rest() -> None:
    values = [1 + 0.1 * np.sin(i) for i in range(1000)]
    values[3] = 1e6
    heights = points(draw([line(values, smooth=False)], 1000).lines[0].path)[10:, 1]
    assert np.ptp(points(draw([line(values[10:], smooth=False)], 1000).lines[0].path)[:, 1]) > 300
    assert np.isfinite(heights).all()


def test_noisy_lines_show_the_raw_values_too_and_few_points_are_dots() -> None:
    noisy = list(np.random.default_rng(0).normal(size=200))
    drawn = draw([line(noisy)], 1000).lines[0]
    assert (bool(drawn.raw), bool(drawn.dots)) == (True, False)
    few = draw([line([1, 2, 3], smooth=False)], 1000).lines[0]
    assert (few.raw, few.dots.count("h0")) == ("", 3)


def test_bands_are_within_the_drawing() -> None:
    wide = line([2, 3], low=np.array([-50.0, 1]), high=np.array([60.0, 4]), smooth=False)
    band = points(draw([wide], 1000).lines[0].band)
    assert len(band) == 4
    assert ((band >= 0) & (band <= 1000)).all()
