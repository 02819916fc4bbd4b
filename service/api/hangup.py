"""Clients that hang up: FastAPI lets a handler run on when nobody waits for its answer any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request


class ClientGone(Exception):
    """The client hung up before its answer."""


@asynccontextmanager
async def while_connected(request: Request, deadline: float) -> AsyncIterator[None]:
    """Cancel the block after `deadline` seconds, or when the client hangs up: then it has no time left.

    The request's body must have been read, or be empty.

    Raises:
        TimeoutError: the deadline passed.
        ClientGone: the client hung up.
    """
    limit = asyncio.timeout(deadline)
    watch = asyncio.create_task(_expire_when_gone(request, limit), name="hang-up")
    try:
        async with limit:
            yield
    except TimeoutError:
        if watch.done():
            raise ClientGone from None
        raise
    finally:
        watch.cancel()


async def _expire_when_gone(request: Request, limit: asyncio.Timeout) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    limit.reschedule(0)
