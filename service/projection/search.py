"""One search, from the picture to the latent, within its limits: steps, seconds, and until it is stopped."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bundle.latents import Latents
from service.engine.protocol import Pixels, Projector
from service.projection.descent import descend
from service.projection.evolution import evolve
from service.projection.gauge import Gauge
from service.projection.space import Space

Method = Literal["gradient", "search"]

REPORTED: Final = 0.25
"""Seconds between two reports at least."""


@dataclass(frozen=True)
class Limits:
    """What a search may take: steps, and seconds. `seed`: of the random latents that it begins with."""

    steps: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class State:
    """How far a search is: steps done, seconds since it began, and the closest latent, float32 [latent_dim], so far.

    `distance` is the mean squared error of its pixels, as numbers 0 … 1; `method` says whether it goes along the
    gradient, or without one.
    """

    step: int
    seconds: float
    latent: Latents
    distance: float
    method: Method
    done: bool = False
    """Nothing follows."""


class Ended(Exception):
    """The search is over before its last step."""


def search(
    projector: Projector,
    target: Pixels,
    space: Space,
    limits: Limits,
    *,
    report: Callable[[State], None] = lambda state: None,
    pause: Callable[[float], None] = lambda taken: None,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> State:
    """Find the latent whose picture comes closest to one that is given.

    Args:
        projector: measures; with a gradient it is followed, else there is an evolution strategy.
        target: uint8 [height, width, channels] of the generator's shape.
        space: the generator's latents.
        limits: when it ends at the latest; the steps become shorter towards whichever end comes first.
        report: told how far it is, a few times a second.
        pause: called after each piece of work, of about 50 ms or less, with the seconds it took; it may wait.
        stopped: asked after each piece of work; the search ends with what it has.
        clock: seconds.

    Raises:
        EngineError: inference failed.
    """
    begin, step, reported = clock(), 0, -REPORTED
    method: Method = "gradient" if projector.differentiable else "search"

    def between(taken: float) -> None:
        if stopped() or clock() - begin >= limits.seconds:
            raise Ended
        pause(taken)

    def way() -> float:
        return min(1.0, max(step / limits.steps, (clock() - begin) / limits.seconds))

    def state(done: bool = False) -> State:
        assert gauge.latent is not None  # a piece has been measured before anything ends or is reported
        return State(step, clock() - begin, gauge.latent, gauge.distance, method, done)

    gauge = Gauge(projector, target, between, clock)
    steps = (descend if projector.differentiable else evolve)(gauge, space, limits.seed, way)
    try:
        for _ in steps:
            step += 1
            if clock() - reported >= REPORTED:
                report(state())
                reported = clock()
            if step == limits.steps:
                break
    except Ended:
        pass
    return state(done=True)
