import numpy as np
import pytest

from bundle.classes import class_of
from service.engine.protocol import Latents, Measured, Pixels
from service.projection.descent import RATE, TRIED, Adam, best_classes, descend, rate
from service.projection.gauge import Gauge
from service.projection.space import Space
from tests.service.fake_engine import FakeProjector

TARGET = np.zeros((4, 4, 3), np.uint8)
SHARES = (0.4, 0.3, 0.2, 0.1)


class OneClass(FakeProjector):
    """Only latents of one class come close."""

    def __init__(self, label: int, differentiable: bool = True) -> None:
        super().__init__(differentiable)
        self.label = label

    def measure(self, latents: Latents, target: Pixels) -> Measured:
        free = super().measure(latents[:, len(SHARES) :], target).losses
        losses = np.asarray(free + (class_of(latents, SHARES) != self.label), np.float32)
        return Measured(losses, losses)


def run(projector: FakeProjector, space: Space, seed: int, steps: int = 100) -> Gauge:
    step = [0]
    gauge = Gauge(projector, TARGET, lambda taken: None)
    for _ in descend(gauge, space, seed, lambda: step[0] / steps):
        step[0] += 1
        if step[0] == steps:
            break
    return gauge


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_it_comes_far_closer_than_the_best_random_latent(seed: int) -> None:
    projector, space = FakeProjector(goal=0.9), Space(16)
    first = projector.measure(space.random(np.random.RandomState(seed)), TARGET).distances.min()
    assert run(projector, space, seed).distance < first / 100


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("label", range(4))
def test_it_finds_the_class_and_leaves_its_numbers_pure(seed: int, label: int) -> None:
    latent = run(OneClass(label), Space(16, SHARES), seed).latent
    assert latent is not None
    assert class_of(latent[np.newaxis], SHARES) == [label]
    assert (latent[:4] == 6.0).sum() == 1


@pytest.mark.parametrize("label", range(4))
def test_the_best_latents_get_the_class_that_comes_closest(label: int) -> None:
    space, rng = Space(16, SHARES), np.random.RandomState(label)
    latents = space.random(rng, 5)
    found = best_classes(Gauge(OneClass(label), TARGET, lambda taken: None), space, latents, rng)
    assert class_of(found[:TRIED], SHARES).tolist() == [label] * TRIED
    assert np.array_equal(found[:, 4:], latents[:, 4:])
    assert np.array_equal(found[TRIED:], latents[TRIED:])


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_finds_the_same(seed: int) -> None:
    one, same, other = [run(FakeProjector(), Space(16), s, steps=20).latent for s in (seed, seed, seed + 1)]
    assert one is not None
    assert other is not None
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_steps_become_long_and_short_again() -> None:
    rates = [rate(way) for way in np.linspace(0, 1, 101)]
    assert 0 < rates[0] < RATE / 2
    assert rates[10] == rates[70] == pytest.approx(RATE)
    assert rates[-1] == 0
    assert sorted(rates[75:], reverse=True) == rates[75:]


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_adam_steps_are_about_one_whatever_the_scale(scale: float) -> None:
    adam = Adam((2, 3))
    gradients = scale * np.array([[1, -1, 2], [1, 1, -3]], np.float32)
    for _ in range(3):
        assert adam.step(gradients) == pytest.approx(np.sign(gradients), abs=1e-3)
    adam.keep(np.array([1]))
    assert adam.step(gradients[1:]) == pytest.approx(np.sign(gradients[1:]), abs=1e-3)
