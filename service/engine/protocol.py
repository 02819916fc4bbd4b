"""The seam between HTTP and inference: what an engine is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bundle.store import Bundle

Latents = NDArray[np.float32]
"""float32 [n, latent_dim]."""

Pixels = NDArray[np.uint8]
"""uint8 [n, height, width, channels]."""


class EngineError(Exception):
    """Inference failed, or the engine cannot do what it must; says why."""


class BadImages(EngineError):
    """What a generator draws is no set of pictures: numbers that are not finite, or the same for every latent."""


class Memory(NamedTuple):
    """Bytes of a device's own memory that TensorFlow has in use, and that it had at most so far."""

    in_use: int
    peak: int


@dataclass(frozen=True)
class BatchSize:
    """A number of rows that a batch takes, and the seconds it took when it was warmed.

    `padding` rows are run behind them in any case (see `tails`).
    """

    rows: int
    seconds: float
    padding: int = 0

    @property
    def run(self) -> int:
        """The rows that the engine runs."""
        return self.rows + self.padding


Draw = Callable[[Latents], NDArray[Any]]
"""Makes of latents their images, or what is compared of them: [n, …]. Raises EngineError."""

Run = Callable[[], tuple[NDArray[Any], float]]
"""One run: what was drawn, and the seconds it took."""

Do = Callable[[Run], tuple[NDArray[Any], float]]
"""Makes a run where runs are made, and waits for it. Raises what the run raises."""


class Measured(NamedTuple):
    """How far what some latents draw is from a picture.

    `distances`: float32 [n], the mean squared error of the pixels, as numbers 0 … 1. `losses`: float32 [n], what a
    search makes small: the distance, and that of both pictures at half their size, at a quarter … `gradients`: float32
    [n, latent_dim], those of the losses; None where they were not asked for.
    """

    distances: NDArray[np.float32]
    losses: NDArray[np.float32]
    gradients: NDArray[np.float32] | None = None


class Projector(Protocol):
    """Compares what an engine draws with a picture. One thread at a time calls it, never the event loop's.

    `differentiable`: whether the graph has a gradient; without one `slope` must not be called. The numbers are those
    before they are rounded to pixels, where the graph shows them, and may differ in the last bits from what the engine
    draws.
    """

    differentiable: bool

    def measure(self, latents: Latents, target: Pixels) -> Measured:
        """The distances of latents from a picture, uint8 [height, width, channels] of the engine's shape.

        Raises:
            EngineError: inference failed.
        """
        ...

    def slope(self, latents: Latents, target: Pixels) -> Measured:
        """The same, with the gradients."""
        ...


class Engine(Protocol):
    """One loaded generator. Its methods are never called from the event loop's thread.

    Once it is warm, `precision` is that of its numbers, and `fingerprint` a digest of what it draws of some latents
    before it is rounded: two that agree in it draw the same pixels.
    """

    precision: str
    fingerprint: str

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        """Run the powers of two up to `max_batch`, and return, ascending, those that agree to the last bit.

        Every run that is compared or timed is given to `do`, which makes it between two batches of the models that are
        served meanwhile.

        Raises:
            EngineError: the generator fails, or draws the same for every latent.
        """
        ...

    def run(self, latents: Latents) -> Pixels:
        """The images of latents; their number is one of the warmed sizes' `run`.

        Raises:
            EngineError: inference failed.
        """
        ...

    def memory(self) -> Memory | None:
        """The memory of the device it runs on; None where that is the process's own. Quick: called from anywhere."""
        ...

    def projector(self) -> Projector:
        """What compares its pictures with one that is given; made at the first call, which takes seconds, and kept.

        Raises:
            EngineError: it cannot be made.
        """
        ...


Loader = Callable[[Bundle], Engine]
"""Loads a bundle. Raises EngineError or InvalidBundle with the reason."""
