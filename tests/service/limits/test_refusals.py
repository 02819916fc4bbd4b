import logging

import pytest

from service.api.problem_kinds import KINDS
from service.limits.refusals import REASONS, Refusals


def test_each_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    refusals = Refusals(told.append)
    with caplog.at_level(logging.INFO, "figment.refused"):
        refusals.note("not-http", ("192.0.2.1", 7))
        refusals.note("slow-reader", None)
    assert told == ["not-http", "slow-reader"]
    assert caplog.messages == ["192.0.2.1: refused, not-http", "somebody: refused, slow-reader"]


def test_the_reasons_are_kinds_of_problems() -> None:
    assert set(REASONS) - {"slow-reader"} <= set(KINDS)
