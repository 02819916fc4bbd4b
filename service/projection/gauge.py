"""The gauge of a search: it measures latents in short pieces, and keeps the closest that it has seen."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.latents import Latents
from service.engine.protocol import Measured, Pixels, Projector

PIECE: Final = 0.05
"""Seconds that one piece of work takes at most, where the generator is fast enough: what a picture that is asked for
meanwhile may have to wait."""
MOST: Final = 32
"""Rows of a piece."""


class Gauge:
    """Distances from one picture.

    Args:
        projector: of the model.
        target: uint8 [height, width, channels], the picture.
        pause: called after each piece with the seconds it took; it may wait, and end the search by what it raises.
        clock: seconds.
    """

    def __init__(
        self,
        projector: Projector,
        target: Pixels,
        pause: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._projector, self._target, self._pause, self._clock = projector, target, pause, clock
        self._rows = {projector.measure: 1, projector.slope: 1}
        self.distance = np.inf
        """Of the closest so far."""
        self.latent: Latents | None = None
        """The closest so far: float32 [latent_dim]."""

    def losses(self, latents: Latents) -> NDArray[np.float32]:
        """The losses of latents: float32 [n]."""
        return np.concatenate([each.losses for each in self._in_pieces(latents, slope=False)])

    def slopes(self, latents: Latents) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The losses, float32 [n], and their gradients, float32 [n, latent_dim]."""
        measured = self._in_pieces(latents, slope=True)
        gradients = [each.gradients for each in measured if each.gradients is not None]
        return np.concatenate([each.losses for each in measured]), np.concatenate(gradients)

    def _in_pieces(self, latents: Latents, slope: bool) -> list[Measured]:
        measure = self._projector.slope if slope else self._projector.measure
        measured, place = [], 0
        while place < len(latents):
            piece = latents[place : place + largest_power(min(self._rows[measure], len(latents) - place))]
            begin = self._clock()
            measured.append(measure(piece, self._target))
            taken = self._clock() - begin
            self._keep(piece, measured[-1].distances)
            self._rows[measure] = next_rows(len(piece), self._rows[measure], taken)
            place += len(piece)
            self._pause(taken)
        return measured

    def _keep(self, latents: Latents, distances: NDArray[np.float32]) -> None:
        best = int(np.argmin(np.nan_to_num(distances, nan=np.inf)))
        if self.latent is None or distances[best] < self.distance:
            self.distance, self.latent = float(np.nan_to_num(distances[best], nan=np.inf)), latents[best].copy()


def next_rows(ran: int, rows: int, taken: float) -> int:
    """How many rows the next piece may have, after one of `ran` rows, of `rows` allowed, took `taken` seconds."""
    if taken > PIECE:
        return max(1, ran // 2)
    return min(MOST, 2 * rows) if ran == rows and 2 * taken < PIECE else rows


def largest_power(number: int) -> int:
    """The largest power of two up to a number ≥ 1: matrix libraries prepare, and keep, something for each size."""
    return int(1 << (number.bit_length() - 1))
