"""Server-sent events (WHATWG HTML, section 9.2): an answer that tells what happens until it is done."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.hangup import ClientGone, while_connected
from service.api.problems import NOT_READY_RETRY, problem
from service.catalogue import NotReady
from service.engine.protocol import EngineError
from service.engine.schedule import BatcherClosed, QueueFull
from service.observability.account import GONE, current

logger = logging.getLogger("figment.api")

MEDIA_TYPE: Final = "text/event-stream"

HEARTBEAT: Final = 15.0
"""Seconds after which a comment is sent where there is no event: proxies and clients give up a silent connection."""

Event = tuple[str, Mapping[str, Any]]
"""Its name, and what it says."""


class EventStream(Response):
    """Sends events as they come, until they end or the client hangs up; an error becomes the event `error`.

    Args:
        events: is closed at the end.
        resources: closed after it, whatever happens: what the events need.
        deadline: seconds after which the answer ends with the event `error`, a timeout.
    """

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncIterator[Event], resources: AsyncExitStack, deadline: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"})
        del self.headers["content-length"]
        self._events, self._resources, self._deadline = events, resources, deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as ASGI has it."""

        async def write(text: str, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        async with self._resources:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                async with while_connected(Request(scope, receive), self._deadline), aclosing(self._events) as events:  # type: ignore[type-var]
                    async for each in beating(events, HEARTBEAT):
                        await write(event(each[0], json.dumps(each[1])) if each else ":\n\n")
            except (ClientGone, OSError):
                current().fail("", GONE)
                return
            except Exception as error:
                await write(event("error", bytes(problem_of(error, self._deadline).body).decode()))
            await write("", more=False)


async def beating(events: AsyncIterator[Event], seconds: float) -> AsyncIterator[Event | None]:
    """Events as they come, and None whenever there was none for so many seconds."""
    pending = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait([pending], timeout=seconds)
            if not done:
                yield None
                continue
            if (found := pending.result()) is None:
                return
            yield found
            pending = asyncio.ensure_future(anext(events, None))
    finally:
        pending.cancel()
        await asyncio.wait([pending])
        pending.cancelled() or pending.exception()


def event(name: str, data: str) -> str:
    """One event; `data` is a line."""
    return f"event: {name}\ndata: {data}\n\n"


def problem_of(error: Exception, deadline: float) -> JSONResponse:
    """The problem that an error is, once an answer has begun."""
    if isinstance(error, QueueFull):
        response = problem("overloaded", str(error), {"Retry-After": str(error.retry_after)})
        current().cause = error.cause
        return response
    if isinstance(error, NotReady | BatcherClosed):
        return problem("not-ready", str(error), {"Retry-After": NOT_READY_RETRY})
    if isinstance(error, TimeoutError):
        return problem("timeout", f"not answered within {deadline:g} s")
    if isinstance(error, EngineError):
        return problem("inference-failed", str(error))
    logger.exception("an answer failed after it had begun", exc_info=error)
    return problem("internal", "an error in the service; its log says more")
