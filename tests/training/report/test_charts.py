from collections.abc import Callable

import pytest

from training.recipe import Recipe
from training.report.charts import axis, log_charts, measure_charts
from training.report.record import Record, Taken


def record(points: list[dict[str, float]], **measures: tuple[Taken, ...]) -> Record:
    return Record(tuple(points), (), measures, None, None)


def steps(**values: float) -> Record:
    return record([{"step": i, "images": 64.0 * i, "images_per_second": 64.0, **values} for i in range(1, 11)])


def test_the_wasserstein_estimate_is_shown_first_and_named_as_such(small_recipe: Callable[..., Recipe]) -> None:
    found = list(log_charts(steps(loss_d=-1, loss_g=1, earth_movers_distance=2.5), small_recipe("wgan-gp"), 640))
    assert found[0].title == "Earth mover's distance"
    assert "Wasserstein" in found[0].about
    assert "from 2.50 to 2.50" in found[0].alt
    assert [line.name for line in found[1].drawing.lines] == ["critic", "generator"]


def test_other_recipes_have_no_such_estimate_and_a_discriminator(small_recipe: Callable[..., Recipe]) -> None:
    found = list(log_charts(steps(loss_d=1, loss_g=1, score_real=1, score_fake=-1), small_recipe("ns"), 640))
    assert [chart.title for chart in found] == ["Losses", "The discriminator's scores", "Speed"]
    assert not any("mover" in chart.title + chart.about for chart in found)


@pytest.mark.parametrize("key", ["r1", "gradient-penalty", "learning_rate_factor", "clipped_share"])
def test_what_is_there_sometimes_is_drawn_when_it_is(small_recipe: Callable[..., Recipe], key: str) -> None:
    titles = {chart.title for chart in log_charts(steps(), small_recipe(), 640)}
    more = {chart.title for chart in log_charts(steps(**{key: 0.5}), small_recipe(), 640)}
    assert titles == {"Speed"}
    assert len(more) == 2


def test_numbers_that_nobody_planned_for_get_a_chart_of_their_own(small_recipe: Callable[..., Recipe]) -> None:
    assert "Gradient norm" in {chart.title for chart in log_charts(steps(gradient_norm=3), small_recipe(), 640)}


@pytest.mark.parametrize("count", [0, 1])
def test_less_than_two_points_are_no_curve(small_recipe: Callable[..., Recipe], count: int) -> None:
    lines = [{"images": 64.0, "loss_d": 1.0}] * count
    assert list(log_charts(record(lines), small_recipe(), 64)) == []


def test_measures_have_their_floor_dashed_and_their_interval_as_a_band() -> None:
    taken = tuple(Taken(i, 10.0 - i, 2.0, 9.0 - i, 11.0 - i, "what it is") for i in (1, 2, 3))
    [chart] = measure_charts(record([], swd=taken), 3)
    value, floor = chart.drawing.lines
    assert (chart.title, chart.about) == ("swd", "what it is")
    assert (value.dashed, bool(value.band), floor.dashed, floor.last) == (False, True, True, 2.0)


def test_a_measure_without_floor_and_interval_is_one_line() -> None:
    taken = tuple(Taken(i, 1.0, None, None, None, "") for i in (1, 2))
    [chart] = measure_charts(record([], swd=taken), 2)
    [line] = chart.drawing.lines
    assert line.band == ""


def test_a_measure_that_was_taken_once_is_no_curve() -> None:
    assert list(measure_charts(record([], swd=(Taken(1, 1.0, None, None, None, ""),)), 1)) == []


def test_the_axis_tells_images_and_time() -> None:
    found = axis(steps(), 640)
    assert [tick.text for tick in found.ticks] == ["200", "400", "600"]
    assert [tick.text for tick in found.times] == ["3 s", "6 s", "9 s"]
    assert found.ticks[0].at == pytest.approx(31.25)


@pytest.mark.parametrize("images", [0, 1, 7])
def test_there_is_an_axis_for_next_to_nothing(images: int) -> None:
    assert axis(record([]), images).times == ()
