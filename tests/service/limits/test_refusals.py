import logging

import pytest

from service.api.problem_kinds import KINDS
from service.limits.refusals import REASONS, Refusals


def test_each_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    refusals = Refusals(told.append)
    with caplog.at_level(logging.INFO, "figment.refused"):
        refusals.note("not-http", {"client": ("192.0.2.1", 7)})
        refusals.note("not-http", {"client": None})
        refusals.note("slow-reader", {})
    assert told == ["not-http", "not-http", "slow-reader"]
    assert {reason: count for reason, count in refusals.counts.items() if count} == {"not-http": 2, "slow-reader": 1}
    assert caplog.messages[0] == "192.0.2.1: refused, not-http"


def test_the_reasons_are_a_closed_set() -> None:
    assert set(REASONS) - {"slow-reader"} <= set(KINDS)
    assert set(Refusals().counts) == set(REASONS)
    with pytest.raises(AssertionError):
        Refusals().note("whatever a client sends", {})
