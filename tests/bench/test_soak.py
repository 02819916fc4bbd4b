from collections import Counter

import pytest

from bench.soak import NOT_SENT, unanswered


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ({"answered": 1000, "refused": 10}, False),
        ({"answered": 1000, "refused": 30}, True),
        ({"answered": 1000, "refused": 10, NOT_SENT: 20}, True),
        ({"answered": 0}, True),
        ({"answered": 0, "refused": 500}, True),
    ],
)
def test_a_service_that_refuses_passes_no_soak(seen: dict[str, int], wrong: bool) -> None:
    assert bool(unanswered(Counter(seen))) is wrong
