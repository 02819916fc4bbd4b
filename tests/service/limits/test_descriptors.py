import logging
import resource

import pytest

from service.limits.descriptors import OTHERS, make_room

ENDLESS = resource.RLIM_INFINITY
NEEDED = 2000 + OTHERS


@pytest.mark.parametrize(
    ("soft", "hard", "changed", "warned"),
    [
        (1024, 2**20, (NEEDED, 2**20), False),
        (1024, ENDLESS, (NEEDED, ENDLESS), False),
        (1024, 1024, (1024, 1024), True),
        (1024, 2000, (2000, 2000), True),
        (NEEDED, NEEDED, None, False),
        (ENDLESS, ENDLESS, None, False),
    ],
)
def test_the_limit_rises_as_far_as_it_may(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    hard: int,
    changed: tuple[int, int] | None,
    warned: bool,
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: found.append(limits))
    with caplog.at_level(logging.WARNING, "figment.limits"):
        make_room(1000)
    assert found == ([changed] if changed else [])
    assert bool(caplog.records) is warned
