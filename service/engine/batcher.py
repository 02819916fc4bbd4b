"""The batcher: rows of waiting requests share batches.

It is work-conserving: a batch starts as soon as the engine is free and anything waits. There is no timer.
It lives on the event loop; only `Engine.run` happens in the engine's thread.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from service.engine.protocol import BatchSize, Engine, EngineError, Latents, Pixels

logger = logging.getLogger("figment.batcher")

LEARNING = 0.3
"""How much the last batch counts in the estimate of the slowdown."""
SHORTEST = 1e-4
"""Seconds: a measured time below it says nothing about a later one."""


class QueueFull(Exception):
    """The request cannot be taken; `retry_after` is the estimated wait in whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many images wait already; the queue is empty again in about {retry_after} s")
        self.retry_after = retry_after


class BatcherClosed(Exception):
    """The service is stopping."""


@dataclass(eq=False)
class Request:
    """The rows of one request: those up to `taken` are in a batch or done."""

    latents: Latents
    future: asyncio.Future[Pixels]
    taken: int = 0
    done: list[Pixels] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """Rows that are in no batch yet."""
        return len(self.latents) - self.taken


Slice = tuple[Request, int]
"""A request, and how many of its next rows are in the batch."""


def batch_rows(waiting: int, sizes: tuple[BatchSize, ...]) -> BatchSize:
    """The size of the next batch: the one that by its measured time costs least for each row it answers."""
    return min(sizes, key=lambda size: (size.seconds / min(size.rows, waiting), -min(size.rows, waiting), size.rows))


def seconds_for(rows: int, sizes: tuple[BatchSize, ...]) -> float:
    """The estimated seconds to run `rows`, by the measured times of the batches that will be taken."""
    seconds = 0.0
    while rows > 0:
        size = batch_rows(rows, sizes)
        seconds, rows = seconds + size.seconds, rows - size.rows
    return seconds


def smoothed_slowdown(before: float, taken: float, measured: float) -> float:
    """The new estimate of how many times longer than measured a batch takes, after one took `taken` seconds.

    A machine that is shared, or another model on the same device, makes it grow; never below 1.
    """
    return max(1.0, (1.0 - LEARNING) * before + LEARNING * taken / max(measured, SHORTEST))


def is_too_late(ahead: float, own: float, deadline: float) -> bool:
    """Whether a request is refused: `ahead` seconds until its turn, `own` to run it. An idle engine takes any."""
    return ahead > 0 and ahead + own > deadline


class Batcher:
    """The queue of one model.

    Args:
        engine: runs the batches, in `executor`'s thread.
        executor: one thread, shared by all models on a device.
        sizes: the batch sizes that may be run, ascending; not empty.
        max_rows: rows that may wait.
        deadline: seconds; a request that would be answered later is refused at once.
    """

    def __init__(
        self, engine: Engine, executor: Executor, sizes: tuple[BatchSize, ...], max_rows: int, deadline: float
    ) -> None:
        self._engine, self._executor, self._sizes = engine, executor, sizes
        self._max_rows, self._deadline = max_rows, deadline
        self._queue: deque[Request] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._free_at = 0.0  # the loop's time at which the running batch should be done
        self._slowdown = 1.0  # how much longer batches take than when they were measured, of late
        self._closed = False

    @property
    def waiting_rows(self) -> int:
        """Rows that are in no batch yet."""
        return sum(request.waiting for request in self._queue)

    async def generate(self, latents: Latents) -> Pixels:
        """The images of latents, in their order.

        If the caller is cancelled, its rows that are in no batch yet leave the queue.

        Raises:
            QueueFull: too many rows wait, or the answer would come after the deadline.
            BatcherClosed: the service is stopping.
            EngineError: inference of a batch with these rows failed.
        """
        self._admit(len(latents))
        request = Request(latents, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="batcher")
        try:
            return await request.future
        finally:
            if request in self._queue:
                self._queue.remove(request)

    async def close(self) -> None:
        """Take no more requests, and return when those that wait are answered."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])  # unlike awaiting it, does not cancel it when the caller is cancelled

    def _admit(self, rows: int) -> None:
        if self._closed:
            raise BatcherClosed("the service is stopping")
        waiting = self.waiting_rows
        ahead = self._running_seconds() + self._slowdown * seconds_for(waiting, self._sizes)
        is_full = waiting > 0 and waiting + rows > self._max_rows
        if is_full or is_too_late(ahead, self._slowdown * seconds_for(rows, self._sizes), self._deadline):
            raise QueueFull(max(1, math.ceil(ahead)))

    def _running_seconds(self) -> float:
        """The estimated seconds that the running batch still takes."""
        return max(0.0, self._free_at - asyncio.get_running_loop().time()) if self._worker else 0.0

    async def _work(self) -> None:
        batch: list[Slice] = []
        try:
            while self._queue:  # nothing is awaited between the last look and the end: no request can slip in
                batch, size = self._take()
                await self._run(batch, size)
        except BaseException:  # cancelled with the whole event loop: nobody else would answer those who wait
            self._fail([*(request for request, _ in batch), *self._queue], BatcherClosed("the service is stopping"))
            raise
        finally:
            self._worker = None

    def _take(self) -> tuple[list[Slice], BatchSize]:
        """The next rows in the order of their arrival; requests whose last row is taken leave the queue."""
        size = batch_rows(self.waiting_rows, self._sizes)
        batch: list[Slice] = []
        room = size.rows
        while self._queue and room:
            request = self._queue[0]
            rows = min(request.waiting, room)
            batch.append((request, rows))
            request.taken += rows
            room -= rows
            if not request.waiting:
                self._queue.popleft()
        return batch, size

    async def _run(self, batch: list[Slice], size: BatchSize) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        self._free_at = begin + self._slowdown * size.seconds
        try:
            rows = [request.latents[request.taken - count : request.taken] for request, count in batch]
            pixels = await loop.run_in_executor(self._executor, self._engine.run, _padded(rows, size))
            if len(pixels) != size.rows:
                raise EngineError(f"the model drew {len(pixels)} images for {size.rows} latents")
            self._slowdown = smoothed_slowdown(self._slowdown, loop.time() - begin, size.seconds)
            _deal(batch, pixels)
        except Exception as error:  # whatever it is, the requests of this batch must be answered
            logger.error("a batch of %d failed", size.rows, exc_info=error)
            if not isinstance(error, EngineError):
                error = EngineError(f"the model failed: {type(error).__name__}; the service's log says more")
            self._fail([request for request, _ in batch], error)

    def _fail(self, requests: Iterable[Request], reason: Exception) -> None:
        for request in requests:
            if request in self._queue:
                self._queue.remove(request)
            if not request.future.done():
                request.future.set_exception(reason)


def _padded(rows: list[Latents], size: BatchSize) -> Latents:
    """One batch of `rows`, with zeros behind them."""
    latents = np.zeros((size.rows, rows[0].shape[1]), np.float32)
    np.concatenate(rows, out=latents[: sum(map(len, rows))])
    return latents


def _deal(batch: list[Slice], pixels: Pixels) -> None:
    """Give each request its rows; those that now have all of them are answered."""
    start = 0
    for request, count in batch:
        request.done.append(pixels[start : start + count])
        start += count
        if not request.waiting and not request.future.done():
            request.future.set_result(np.concatenate(request.done))
