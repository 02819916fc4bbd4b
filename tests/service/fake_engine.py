"""An engine without TensorFlow: it draws at once, and waits or fails when a test says so."""

import asyncio
import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.protocol import BatchSize, Do, Latents, Measured, Memory, Pixels, Run

PATIENCE = 10.0
"""Seconds after which a test that should have been answered fails."""

Shape = tuple[int, int, int]


def at_once(run: Run) -> tuple[NDArray[Any], float]:
    """Makes a run of the warm-up where it is asked for."""
    return run()


def pixels_of(latents: Latents, shape: Shape = (4, 4, 3)) -> Pixels:
    """Pixels that depend on every bit of a latent and on nothing else."""
    rows = [np.frombuffer(hashlib.blake2b(row.tobytes()).digest(), np.uint8) for row in latents]
    return np.stack([np.resize(row, shape) for row in rows])


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds that nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class FakeProjector:
    """Measures how far latents are from one, `goal` in all its numbers; `gate` and `failures` as of a FakeEngine."""

    def __init__(self, differentiable: bool = True, goal: float = 0.5) -> None:
        self.differentiable, self.goal = differentiable, goal
        self.rows = 0
        self.failures: deque[BaseException] = deque()
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def measure(self, latents: Latents, target: Pixels) -> Measured:
        self.rows += len(latents)
        self.begun.set()
        if not self.gate.wait(PATIENCE):
            raise TimeoutError("the test never opened the gate")
        if self.failures:
            raise self.failures.popleft()
        losses = np.asarray(((latents - self.goal) ** 2).mean(axis=1), np.float32)
        return Measured(losses, losses)

    def slope(self, latents: Latents, target: Pixels) -> Measured:
        assert self.differentiable
        measured = self.measure(latents, target)
        gradients = np.asarray(2.0 * (latents - self.goal) / latents.shape[1], np.float32)
        return measured._replace(gradients=gradients)


class FakeEngine:
    """Counts its batches. `gate` holds them back while it is clear; each of `failures` is raised by one batch."""

    def __init__(self, shape: Shape = (4, 4, 3), seconds: float = 0.001, version: int = 1) -> None:
        self.shape, self.seconds, self.version = shape, seconds, version
        self.precision, self.fingerprint = "float32", "fake"
        self.batches: list[Latents] = []
        self.failures: deque[BaseException] = deque()
        self.gate = threading.Event()
        self.gate.set()
        self._begun = threading.Semaphore(0)
        self.fake_projector = FakeProjector()

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        return tuple(BatchSize(2**i, self.seconds) for i in range(max_batch.bit_length()))

    def run(self, latents: Latents) -> Pixels:
        self.batches.append(latents.copy())
        self._begun.release()
        if not self.gate.wait(PATIENCE):
            raise TimeoutError("the test never opened the gate")
        if self.failures:
            raise self.failures.popleft()
        return self.draw(latents)

    def memory(self) -> Memory | None:
        return None

    def projector(self) -> FakeProjector:
        return self.fake_projector

    def draw(self, latents: Latents) -> Pixels:
        return pixels_of(latents, self.shape) + np.uint8(self.version - 1)  # each version its own pictures

    async def begun(self) -> None:
        """Return when one more batch has begun."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=PATIENCE), "no batch began"


class ConditionalEngine(FakeEngine):
    """Draws, as the graph of a conditional generator does, a class that the first numbers of a latent choose.

    The upper left pixel has the class as its value; all others depend on the other numbers of the latent alone.
    """

    def __init__(self, shares: Sequence[float], shape: Shape = (4, 4, 3)) -> None:
        super().__init__(shape)
        self.shares = shares

    def draw(self, latents: Latents) -> Pixels:
        pixels = pixels_of(latents[:, len(self.shares) :], self.shape)
        pixels[:, 0, 0, :] = [[self._class(row)] for row in latents.tolist()]
        return pixels

    def _class(self, row: Sequence[float]) -> int:
        scores = []
        for share, z in zip(self.shares, row, strict=False):
            normal = min(max(NormalDist().cdf(z), 1e-6), 1.0 - 1e-6)
            scores.append(math.log(share) - math.log(-math.log(normal)))
        return scores.index(max(scores))
