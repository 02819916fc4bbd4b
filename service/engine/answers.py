"""From a device's thread back to the event loops of those who wait."""

import asyncio
from contextlib import suppress
from typing import Any

from service.engine.protocol import EngineError, Pixels
from service.engine.work import Work


def answer(works: list[Work]) -> None:
    """Give each work's future its pixels or its error, in its event loop's thread; which is woken once for all."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Work, Pixels | None]]] = {}
    for work in works:
        pixels = None
        if work.error is None:
            try:
                pixels = work.pixels()
            except Exception as error:  # images of another size, no memory: whoever waits must hear of it
                work.error = as_engine_error(error)
        waiter: asyncio.Future[Any] = work.waiter
        loops.setdefault(waiter.get_loop(), []).append((work, pixels))
    for loop, answers in loops.items():
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: list[tuple[Work, Pixels | None]]) -> None:
    for work, pixels in answers:
        future: asyncio.Future[Any] = work.waiter
        if future.done() or not work.callers:
            continue
        if work.error is not None:
            future.set_exception(work.error)
        else:
            future.set_result(pixels)


def as_engine_error(error: Exception) -> EngineError:
    """What whoever waits is told of an error that nobody foresaw: its own text may name the server's files."""
    if isinstance(error, EngineError):
        return error
    return EngineError(f"the model failed: {type(error).__name__}; the service's log says more")
