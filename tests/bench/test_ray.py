"""What the page says of Ray is what was measured; the measurement itself needs a cluster."""

import json

import pytest

from bench.machine import RESULTS
from bench.ray import PAGE, filled, summary


def test_the_page_shows_what_is_kept() -> None:
    kept, page = json.loads((RESULTS / "ray.json").read_text()), PAGE.read_text()
    assert filled(page, kept) == page
    assert "| single process |" in page


def test_a_share_is_of_the_same_round() -> None:
    rounds = [{"single process": {"1": single}, "Ray, 1": {"1": ours}} for single, ours in ((10, 5), (100, 30), (1, 1))]
    assert summary(rounds) == {"single process": {"1": 1.0}, "Ray, 1": {"1": pytest.approx(0.5)}}
