import math

from training.means import Means


def test_means_are_of_what_was_reported() -> None:
    means = Means()
    for step in range(4):
        means.add({"loss": float(step)} | ({"r1": 10.0} if step % 2 else {}))
    assert means.peek() == {"loss": 1.5, "r1": 10.0}
    assert means.steps == 4
    assert 0 < means.steps_per_second() < math.inf
    means.begin()
    assert (means.peek(), means.steps, means.steps_per_second()) == ({}, 0, 0.0)
