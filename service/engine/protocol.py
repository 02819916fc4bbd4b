"""The seam between HTTP and inference: what an engine is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bundle.store import Bundle

Latents = NDArray[np.float32]
"""float32 [n, latent_dim]."""

Pixels = NDArray[np.uint8]
"""uint8 [n, height, width, channels]."""


class EngineError(Exception):
    """Inference failed, or the engine cannot do what it must; says why."""


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


Loader = Callable[[Bundle], Engine]
"""Loads a bundle. Raises EngineError or InvalidBundle with the reason."""
