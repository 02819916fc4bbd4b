from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.plan import Plan
from service.engine.protocol import BatchSize

SIZES = (BatchSize(1, 1.0), BatchSize(2, 1.5), BatchSize(8, 4.0))


@pytest.mark.parametrize(
    ("rows", "seconds"), [(0, 0), (1, 1), (2, 1.5), (3, 2.5), (5, 4), (8, 4), (9, 5), (16, 8), (18, 9.5)]
)
def test_the_seconds_of_some_rows(rows: int, seconds: float) -> None:
    assert Plan(SIZES).seconds(rows) == seconds


@pytest.mark.parametrize(("waiting", "rows"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 8), (8, 8), (9, 8), (1000, 8)])
def test_the_first_batch_is_the_largest_of_the_cheapest_plan(waiting: int, rows: int) -> None:
    assert Plan(SIZES).first(waiting).rows == rows


@pytest.mark.parametrize("seconds", [0.0, 1.0])
@pytest.mark.parametrize(("waiting", "rows"), [(1, 1), (2, 2), (3, 4), (4, 4), (9, 4)])
def test_where_all_sizes_cost_the_same_the_smallest_that_holds_all_is_taken(
    waiting: int, rows: int, seconds: float
) -> None:
    assert Plan(tuple(BatchSize(size, seconds) for size in (1, 2, 4))).first(waiting).rows == rows


@st.composite
def measured(draw: st.DrawFn) -> tuple[BatchSize, ...]:
    rows = sorted(draw(st.sets(st.sampled_from([1, 2, 4, 8, 16]), min_size=1)))
    return tuple(BatchSize(size, draw(st.integers(1, 40))) for size in rows)


@given(measured(), st.integers(1, 120))
def test_no_other_batches_cost_less(sizes: tuple[BatchSize, ...], rows: int) -> None:
    @cache
    def cheapest(left: int) -> float:
        return min((s.seconds + cheapest(left - s.rows) for s in sizes), default=0.0) if left > 0 else 0.0

    plan = Plan(sizes)
    assert plan.seconds(rows) == cheapest(rows)
    first = plan.first(rows)
    assert first in sizes
    assert first.seconds + plan.seconds(max(0, rows - first.rows)) == plan.seconds(rows)


@pytest.mark.parametrize(
    ("rows", "most", "hurried"),
    [(1, 8, 2), (2, 8, 8), (1, 2, 2), (1, 1, 1), (5, 8, 8), (3, 2, 2)],
)
def test_a_small_request_takes_larger_ones_along_as_far_as_it_costs_little(rows: int, most: int, hurried: int) -> None:
    plan = Plan(SIZES)  # one row takes 1 s, eight take 4 s: more than three times as long
    assert plan.hurried(rows, next(size for size in SIZES if size.rows == most)).rows == hurried
