"""The capacity page, and the simulation and the models behind it."""

import json
import math
from collections import OrderedDict

import numpy as np
import pytest

from bench.capacity import PAGE, cdn, costs_of, counted, saturation, simulated_row
from bench.capacity_model import hit_ratio, origin_cost, replicas, zipf
from bench.capacity_simulation import Costs, poisson, regular, simulate
from bench.capacity_tables import TABLES, filled
from bench.machine import RESULTS
from service.engine.protocol import BatchSize

ONE = Costs((BatchSize(1, 0.01),), 0.0)
"""A device that draws one image in 10 ms."""
BATCHES = Costs((BatchSize(1, 0.01), BatchSize(16, 0.04)), 0.001)


def kept(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def test_the_page_shows_what_is_kept() -> None:
    page = PAGE.read_text()
    assert filled(page, kept("capacity")) == page
    for name in TABLES:
        assert page.count(f"<!-- {name} -->") == page.count(f"<!-- end of {name} -->") == 1


def test_what_is_kept_follows_from_what_was_measured() -> None:
    result = kept("capacity")
    found = {name: kept(name) for name in ("limit", "rates", "png")}
    for n in (1, 16):
        costs = costs_of(found, n)
        assert result["costs"][str(n)]["capacity"] == pytest.approx(costs.capacity(n))  # type: ignore[index]
        assert result["replicas"][str(n)] == counted(n * costs.capacity(n))  # type: ignore[index]
    assert result["saturation"] == saturation(found, result["rounds"])  # type: ignore[arg-type]
    assert result["cdn"] == pytest.approx([pytest.approx(row) for row in cdn(result["cost_304"])])  # type: ignore[arg-type]


def test_a_simulation_says_the_same_each_time() -> None:
    rows = kept("capacity")["simulated"]["16"]  # type: ignore[index]
    row = next(row for row in rows if (row["replicas"], row["share"]) == (2, 0.7))
    costs = costs_of({name: kept(name) for name in ("limit", "rates", "png")}, 16)
    assert simulated_row(16, costs, 2, 0.7) == pytest.approx(row)


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_request_that_is_alone_takes_as_long_as_its_batch(replicas: int) -> None:
    outcome = simulate(BATCHES, replicas, regular(5.0, 20), 1, 1.0)
    assert outcome.latencies == pytest.approx([0.011] * 20)
    assert outcome.outstanding == 0.0


@pytest.mark.parametrize(("share", "replicas", "n"), [(0.5, 1, 1), (0.9, 2, 4), (1.5, 1, 1), (3.0, 2, 16)])
def test_every_request_is_answered_or_refused(share: float, replicas: int, n: int) -> None:
    rate = share * replicas * BATCHES.capacity(n)
    outcome = simulate(BATCHES, replicas, poisson(rate, 600, 1), n, 1.0)
    assert len(outcome.latencies) + outcome.refused == 600
    assert outcome.percentile(0.99) < 1.5
    assert (outcome.refused > 0) == (share > 1.0)


def test_a_full_device_answers_as_many_as_it_can() -> None:
    outcome = simulate(ONE, 1, regular(300.0, 3000), 1, 1.0)
    assert len(outcome.latencies) == pytest.approx(10.0 * 100.0, rel=0.12)  # in ten seconds, and those that wait then


def test_two_batches_at_a_time_share_the_machine() -> None:
    outcome = simulate(ONE, 1, iter([0.0, 0.0]), 1, 1.0)
    assert outcome.latencies == pytest.approx([0.02, 0.02])


def test_more_replicas_at_the_same_share_answer_sooner() -> None:
    seconds = [
        simulate(ONE, number, poisson(0.85 * 100.0 * number, 1500 * number, 3), 1, 5.0).percentile(0.99)
        for number in (1, 4)
    ]
    assert seconds[1] < 0.7 * seconds[0]


def test_the_wait_of_one_at_a_time_is_that_of_the_books() -> None:
    """M/D/1 with two in flight is processor sharing of two; the mean is between Khinchin's for one and for sharing."""
    load, service = 0.7, 0.01
    outcome = simulate(ONE, 1, poisson(load / service, 20_000, 7), 1, 30.0)
    first_come = service * (1.0 + load / (2.0 * (1.0 - load)))
    sharing = service / (1.0 - load)
    assert first_come * 0.95 < np.mean(outcome.latencies) < sharing * 1.05


@pytest.mark.parametrize(
    ("images", "period", "count"), [(1e6, "day", 1), (1e6, "minute", 48), (1e6, "second", 2858), (1.0, "day", 1)]
)
def test_replicas_for_a_number_of_images(images: float, period: str, count: int) -> None:
    assert replicas(images, period, 500.0, 0.7) == count


def test_popularity_falls_by_a_power() -> None:
    shares = zipf(1000, 0.8)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] / shares[99] == pytest.approx(100**0.8)


@pytest.mark.parametrize("exponent", [0.6, 1.0])
@pytest.mark.parametrize("entries", [20, 200])
def test_the_hits_are_those_of_a_cache_that_drops_the_oldest(exponent: float, entries: int) -> None:
    shares = zipf(1000, exponent)
    asked = np.random.RandomState(1).choice(1000, 40_000, p=shares)
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number, url in enumerate(asked.tolist()):
        hits += url in cache and number >= 10_000
        cache[url] = None
        cache.move_to_end(url)
        if len(cache) > entries:
            cache.popitem(last=False)
    assert hit_ratio(shares, entries) == pytest.approx(hits / 30_000, abs=0.02)


def test_a_cache_that_has_room_for_all_has_all() -> None:
    assert hit_ratio(zipf(50, 1.0), 50) == 1.0


def test_what_is_asked_again_costs_a_304() -> None:
    assert origin_cost(0.8, 0.0, 0.25) == pytest.approx(0.2)
    assert origin_cost(0.8, 1.0, 0.25) == pytest.approx(0.4)
    assert math.isclose(origin_cost(0.0, 1.0, 0.25), 1.0)
