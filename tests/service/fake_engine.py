"""An engine without TensorFlow: it draws at once, and waits or fails when a test says so."""

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from service.engine.protocol import BatchSize, Latents, Pixels

PATIENCE = 10.0
"""Seconds after which a test that should have been answered fails."""

Shape = tuple[int, int, int]


def pixels_of(latents: Latents, shape: Shape = (4, 4, 3)) -> Pixels:
    """Pixels that depend on every bit of a latent and on nothing else."""
    rows = [np.frombuffer(hashlib.blake2b(row.tobytes()).digest(), np.uint8) for row in latents]
    return np.stack([np.resize(row, shape) for row in rows])


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds that nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class FakeEngine:
    """Counts its batches. `gate` holds them back while it is clear; each of `failures` is raised by one batch."""

    def __init__(self, shape: Shape = (4, 4, 3), seconds: float = 0.001) -> None:
        self.shape, self.seconds = shape, seconds
        self.batches: list[Latents] = []
        self.failures: deque[BaseException] = deque()
        self.gate = threading.Event()
        self.gate.set()
        self._begun = threading.Semaphore(0)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]

    def warm(self, max_batch: int) -> tuple[BatchSize, ...]:
        return tuple(BatchSize(2**i, self.seconds) for i in range(max_batch.bit_length()))

    def run(self, latents: Latents) -> Pixels:
        self.batches.append(latents.copy())
        self._begun.release()
        if not self.gate.wait(PATIENCE):
            raise TimeoutError("the test never opened the gate")
        if self.failures:
            raise self.failures.popleft()
        return pixels_of(latents, self.shape)

    async def begun(self) -> None:
        """Return when one more batch has begun."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=PATIENCE), "no batch began"
