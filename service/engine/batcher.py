"""The batcher: one model's side of a device, for the event loop."""

import asyncio

from service.engine.device import Device
from service.engine.protocol import BatchSize, Engine, Latents, Pixels
from service.engine.timing import Timing


class Batcher:
    """The queue of one model. See `schedule` for the order in which it is served.

    Args:
        device: runs the batches.
        engine: of the model.
        sizes: the batch sizes that may be run, ascending; not empty.
        max_rows: rows that may wait.
        deadline: seconds; a request that would be answered later is refused at once.
        label: of the model, `name/version`.
    """

    def __init__(
        self,
        device: Device,
        engine: Engine,
        sizes: tuple[BatchSize, ...],
        max_rows: int,
        deadline: float,
        label: str = "",
    ) -> None:
        self._device, self._deadline = device, deadline
        self._lane = device.lane(engine, sizes, max_rows, label)

    @property
    def engine(self) -> Engine:
        """The engine of the model."""
        return self._lane.engine

    @property
    def waiting_rows(self) -> int:
        """Rows that are in no batch yet."""
        return self._device.waiting(self._lane)

    @property
    def oldest(self) -> float:
        """Seconds that the oldest request has been here that has such rows; 0 for none."""
        return self._device.oldest(self._lane)

    @property
    def slowdown(self) -> float:
        """How many times as long as when they were measured its batches take, of late."""
        return self._lane.slowdown

    def check(self, rows: int, deadline: float | None = None) -> None:
        """Refuse at once so many rows that `generate` would refuse now, unless it found others that ask for the same.

        Arguments and errors are as there.
        """
        self._device.check(self._lane, rows, self._limit(deadline))

    async def generate(self, latents: Latents, deadline: float | None = None, timing: Timing | None = None) -> Pixels:
        """The images of latents, in their order; not to be written to.

        If the caller is cancelled, its rows that are in no batch yet leave the queue.

        Args:
            latents: float32 [n, latent_dim].
            deadline: seconds, where they are fewer than the service's.
            timing: gets the times of these rows, however it ends.

        Raises:
            QueueFull: too many rows wait, or the answer would come after the deadline.
            BatcherClosed: the service is stopping, or the model is being unloaded.
            EngineError: inference of these rows failed.
        """
        timing = timing or Timing()
        asked = self._device.now()
        work = self._device.submit(self._lane, latents, self._limit(deadline), timing.link)
        try:
            return await asyncio.shield(work.waiter)  # others may wait for it too
        finally:
            timing.note(work, asked, self._device.now())
            self._device.leave(work)

    def _limit(self, deadline: float | None) -> float:
        return self._deadline if deadline is None else min(self._deadline, deadline)

    async def close(self, seconds: float) -> bool:
        """Take no more requests, and return when those that wait are answered, or after so long; whether they are."""
        self._device.close_lane(self._lane)
        return await asyncio.to_thread(self._device.drain, self._lane, seconds)
