"""A device with its threads: they take what runs next from the schedule, and run it."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from service.engine.answers import answer, as_engine_error
from service.engine.lane import Batch, Lane
from service.engine.plan import Plan
from service.engine.protocol import BatchSize, Engine, EngineError, Latents, Pixels
from service.engine.schedule import BatcherClosed, QueueFull, Schedule
from service.engine.timing import Observer
from service.engine.wedge import wedged
from service.engine.work import Work

logger = logging.getLogger("figment.device")

T = TypeVar("T")

NICENESS: Final = 5
"""Of the threads that compute: a third of the weight of the event loop's 0."""


class Device:
    """What runs the batches of all models.

    A thread takes the next batch the moment it is free, without asking the event loop, so the device never waits for
    Python's turn; it sleeps while nothing waits. Several threads keep several batches in flight: a GPU's next batch is
    there before the last one ends, and a processor's cores have something to do while a batch waits for its slowest
    core, or for Python.

    Args:
        in_flight: threads, and so batches that run at a time.
        clock: seconds; of the monotonic kind.
        observer: hears of every batch, if there is one.
    """

    def __init__(
        self, in_flight: int = 1, clock: Callable[[], float] = time.monotonic, observer: Observer | None = None
    ) -> None:
        self.in_flight, self._observer = in_flight, observer
        self.restarts = 0
        """How often a thread died of an error of our own, and was started again."""
        self._clock = clock
        self._schedule = Schedule(in_flight)
        self._calls: deque[Callable[[], None]] = deque()
        self._called_last = self._calling = False
        self._call_begun = 0.0
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        """There is something to do: one thread is woken for each piece of it."""
        self._answered = threading.Condition(self._lock)
        """Rows were answered or left: whoever drains a lane looks again."""
        self._closed = False
        self._threads: list[threading.Thread] = []

    def lane(self, engine: Engine, sizes: tuple[BatchSize, ...], max_rows: int, label: str = "") -> Lane:
        """A queue for a model whose batches may have those sizes; `label` is `name/version`."""
        lane = Lane(engine, Plan(sizes), max_rows, label)
        with self._lock:
            self._schedule.lanes.append(lane)
        return lane

    def check(self, lane: Lane, rows: int, deadline: float) -> None:
        """Raise what `submit` would raise for so many rows that nobody else has asked for."""
        with self._lock:
            self._schedule.admit(lane, rows, deadline, self._clock())

    def refusal(self, deadline: float) -> QueueFull | None:
        """Why not even one new image can be had from any loaded model within a deadline, in seconds; None if it can."""
        refusal = None
        with self._lock:
            for lane in self._schedule.lanes:
                try:
                    self._schedule.admit(lane, 1, deadline, self._clock())
                except QueueFull as error:
                    refusal = error
                except BatcherClosed:
                    continue
                else:
                    return None
        return refusal

    def now(self) -> float:
        """The time by its clock, in seconds."""
        return self._clock()

    def submit(self, lane: Lane, latents: Latents, deadline: float, link: Any = None) -> Work:  # noqa: ANN401
        """Queue rows; the work's `waiter` is a future of the running event loop that gets its pixels, or its error.

        `link` is put into the work's `links`.

        Raises:
            QueueFull: too many rows wait, or the answer is expected too near to the deadline, in seconds, or after it.
            BatcherClosed: the lane is closed.
        """
        waiter = asyncio.get_running_loop().create_future()
        with self._lock:
            work = self._schedule.add(lane, latents, deadline, waiter, self._clock(), link)
            self._start()
            self._wanted.notify()
        return work

    def leave(self, work: Work) -> None:
        """The caller of `submit` does not want it any more, or has it."""
        with self._lock:
            self._schedule.leave(work)
            self._answered.notify_all()

    def call(self, function: Callable[[], T]) -> "Future[T]":
        """Run a function in one of its threads while nothing else runs; every second turn at most is a call's."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        with self._lock:
            if self._closed:
                raise BatcherClosed("the service is stopping")
            self._calls.append(run)
            self._start()
            self._wanted.notify()
        return future

    @property
    def busy(self) -> bool:
        """Whether a batch runs or waits, or a call does, which is timed."""
        with self._lock:
            return bool(self._schedule.running or self._calls) or self._calling or self._schedule.waiting

    def waiting(self, lane: Lane) -> int:
        """Rows of a lane that are in no batch yet."""
        with self._lock:
            return lane.waiting

    def oldest(self, lane: Lane) -> float:
        """Seconds that the oldest request of a lane has been here whose rows are not all in a batch; 0 for none."""
        with self._lock:
            return lane.age(self._clock())

    def wedged(self, patience: float) -> str:
        """Why nothing is to be expected of it any more, in words; empty if all is well.

        Args:
            patience: seconds that a batch may take beyond what is expected of it.
        """
        with self._lock:
            schedule, begun = self._schedule, self._call_begun if self._calling else None
            return wedged(self._clock(), patience, schedule.running, begun, schedule.lanes)

    def close_lane(self, lane: Lane) -> None:
        """Take no more rows of a model; what waits is still answered."""
        with self._lock:
            self._schedule.close(lane)

    def drain(self, lane: Lane, seconds: float) -> bool:
        """Wait, in a thread that may, until a closed lane is empty, and forget it; returns whether it became so."""
        with self._lock:
            empty = self._answered.wait_for(lambda: not lane.flying, seconds)
            if lane in self._schedule.lanes:
                self._schedule.lanes.remove(lane)
            return empty

    def close(self, seconds: float) -> bool:
        """Answer what waits, then end the threads; returns whether they did in time. One that hangs is left behind."""
        with self._lock:
            for lane in self._schedule.lanes:
                self._schedule.close(lane)
            self._closed = True
            self._wanted.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        """Start the threads with the first work: a service without a model has none."""
        while len(self._threads) < self.in_flight:
            name = f"engine-{len(self._threads)}"
            thread = threading.Thread(target=self._live, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _live(self) -> None:
        """Work until the device is closed, whatever happens."""
        step_back()
        while True:
            try:
                while self._turn():
                    pass
                return
            except BaseException:  # an error of our own: nobody must wait for ever for rows that were lost
                with self._lock:
                    self.restarts += 1
                    self._calling = False
                    lost = self._schedule.abandon(EngineError("the batch loop died; the service's log says more"))
                    self._answered.notify_all()
                logger.exception("the batch loop died and is started again (%d times so far)", self.restarts)
                answer(lost)

    def _turn(self) -> bool:
        """Wait for something to do and do it; False when the device is closed. It keeps no batch while it waits."""
        with self._lock:
            self._wanted.wait_for(lambda: self._closed or self._may_call or self._may_run)
            call = self._calls.popleft() if self._may_call else None
            batch = self._schedule.take(self._clock()) if not call and self._may_run else None
            if call or batch:
                self._calling = self._called_last = call is not None
                self._call_begun = self._clock()
            if self._may_run:  # more than one thread's turn: wake the next
                self._wanted.notify()
        if call:
            call()
            with self._lock:
                self._calling = False
        elif batch:
            self._run(batch)
        with self._lock:
            self._wanted.notify_all()  # whoever waits for this call, or for this batch to make room for a call
        return bool(call or batch) or not self._closed

    @property
    def _call_is_due(self) -> bool:
        """A call waits, and nothing else does or the last turn was not a call's."""
        return bool(self._calls) and not (self._called_last and self._schedule.waiting)

    @property
    def _may_call(self) -> bool:
        """A call is due, and nothing runs beside it: it is timed."""
        return self._call_is_due and not self._calling and not self._schedule.running

    @property
    def _may_run(self) -> bool:
        """A batch waits, and no call runs or is due."""
        return self._schedule.waiting and not self._calling and not self._call_is_due

    def _run(self, batch: Batch) -> None:
        pixels, failure = None, None
        try:
            pixels = batch.lane.engine.run(batch.latents())
            if len(pixels) != batch.size.run:
                raise EngineError(f"the model drew {len(pixels)} images for {batch.size.run} latents")
        except Exception as error:
            logger.error("a batch of %d failed", batch.size.rows, exc_info=error)
            pixels, failure = None, as_engine_error(error)
        with self._lock:
            ended = self._clock()
            if pixels is None or failure is not None:
                finished = self._schedule.fail(batch, failure or EngineError("no images"), ended)
            else:
                finished = self._schedule.finish(batch, pixels, ended)
            self._answered.notify_all()
        answer(finished)
        self._tell(batch, ended, pixels, failure)

    def _tell(self, batch: Batch, ended: float, pixels: Pixels | None, error: Exception | None) -> None:
        """Let the observer know; its errors are its own."""
        if self._observer is None:
            return
        try:
            self._observer.ran(batch, ended, pixels, error)
        except Exception:
            logger.exception("a batch could not be observed")


def step_back(niceness: int = NICENESS) -> None:
    """Let the event loop go first: this thread, and those that it starts, get less of a core that others want too.

    TensorFlow's threads are started by the first that runs an operation. Without it they leave the event loop a third
    of a core under load, requests wait for seconds before anything is done for them, and are not even refused.
    """
    if sys.platform == "linux":  # where a thread has a niceness of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
