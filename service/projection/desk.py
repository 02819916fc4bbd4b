"""The desk: searches wait here, and are made one at a time, in a thread that lets what is drawn go first."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from service.catalogue import Catalogue, Model, NotReady
from service.engine.device import step_back
from service.engine.protocol import Pixels
from service.engine.schedule import QueueFull
from service.projection.search import Limits, State, search
from service.projection.space import Space

NICENESS: Final = 10
"""Of the thread that searches: behind those that draw."""
GIVING_WAY: Final = 4.0
"""While pictures are drawn or wait, a search stands still: after each piece of its work at most so many times as long,
so that it has a fifth of a device that is never idle."""
LONGEST_WAY: Final = 2.0
"""Seconds that it stands still at most: the first piece of a search compiles the graph, and takes as long as many."""
LOOK_AGAIN: Final = 0.002
"""Seconds between two looks at whether the device is idle."""


class Desk:
    """Takes searches for the models of a catalogue. It belongs to the event loop."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._waiting = catalogue, catalogue.settings.project_waiting
        self._seconds = catalogue.settings.project_seconds
        self._taken = 0
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "project", step_back, (NICENESS,))

    @property
    def taken(self) -> int:
        """Places that are taken: of the search that runs, and of those that wait."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the line, for as long as the block lasts.

        Raises:
            QueueFull: as many wait as may.
        """
        if self._taken > self._waiting:
            raise QueueFull(
                f"a search for a picture runs, and {self._taken - 1} wait already, at most {self._waiting} may",
                self._seconds,
                "searches",
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def search(self, model: Model, target: Pixels, limits: Limits) -> AsyncIterator[State]:
        """Wait for one's turn, then search: states on the way, of which those that come too fast are left out, and the
        last, which is `done`.

        The search ends early, with what it has, when the model is retired or the service stops; and when the iterator
        is closed. The caller holds the model and a place.

        Args:
            model: whose latents are searched.
            target: uint8 [height, width, channels] of the model's shape.
            limits: of the search.

        Raises:
            EngineError: inference failed.
            NotReady: the service stops, or the model is retired, before it has begun.
        """
        loop, states, stop = asyncio.get_running_loop(), asyncio.Queue[State | None](), threading.Event()

        def report(state: State) -> None:
            loop.call_soon_threadsafe(states.put_nowait, state)

        def stopped() -> bool:
            return stop.is_set() or model.retired or self._catalogue.stopping

        def work() -> State:
            manifest = model.bundle.manifest
            return search(
                model.batcher.engine.projector(),
                target,
                Space(manifest.latent_dim, manifest.class_shares),
                limits,
                report=report,
                pause=lambda taken: self._give_way(taken, stopped),
                stopped=stopped,
            )

        async with self._turn:
            if stopped():
                raise NotReady("the service is stopping, or a newer version has taken the model's place")
            future = loop.run_in_executor(self._thread, work)
            future.add_done_callback(lambda _: states.put_nowait(None))
            try:
                while (state := await _latest(states)) is not None:
                    yield state
                yield future.result()
            finally:
                stop.set()
                await asyncio.wait([future])
                future.cancelled() or future.exception()  # else asyncio complains that nobody asked for it

    def _give_way(self, taken: float, stopped: Callable[[], bool]) -> None:
        until = time.monotonic() + min(GIVING_WAY * taken, LONGEST_WAY)
        while self._catalogue.device.busy and time.monotonic() < until and not stopped():
            time.sleep(LOOK_AGAIN)

    def close(self) -> None:
        """Let the thread end; a search that runs ends by itself when the service stops."""
        self._thread.shutdown(wait=False, cancel_futures=True)


async def _latest(states: "asyncio.Queue[State | None]") -> State | None:
    """The newest state; None if there are no more."""
    state = await states.get()
    while state is not None and not states.empty():
        state = states.get_nowait()
    return state
