import numpy as np
import pytest

from bundle.classes import class_of
from service.projection.evolution import evolve
from service.projection.gauge import Gauge
from service.projection.space import Space
from tests.service.fake_engine import FakeProjector

TARGET = np.zeros((4, 4, 3), np.uint8)
SHARES = (0.4, 0.3, 0.2, 0.1)


def run(projector: FakeProjector, space: Space, seed: int, steps: int = 150) -> Gauge:
    step = [0]
    gauge = Gauge(projector, TARGET, lambda taken: None)
    for _ in evolve(gauge, space, seed, lambda: step[0] / steps):
        step[0] += 1
        if step[0] == steps:
            break
    return gauge


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("size", [1, 16, 64])
def test_without_a_gradient_it_comes_far_closer_than_the_best_random_latent(seed: int, size: int) -> None:
    projector, space = FakeProjector(differentiable=False, goal=0.9), Space(size)
    first = projector.measure(space.random(np.random.RandomState(seed)), TARGET).distances.min()
    assert run(projector, space, seed).distance < first / 10


@pytest.mark.parametrize("seed", [0, 7])
def test_the_numbers_of_the_class_stay_those_of_one_class(seed: int) -> None:
    latent = run(FakeProjector(differentiable=False), Space(16, SHARES), seed, steps=20).latent
    assert latent is not None
    assert (latent[:4] == 6.0).sum() == 1
    assert class_of(latent[np.newaxis], SHARES)[0] == latent[:4].argmax()


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_finds_the_same(seed: int) -> None:
    one, same, other = [run(FakeProjector(False), Space(16), s, steps=20).latent for s in (seed, seed, seed + 1)]
    assert one is not None
    assert other is not None
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
