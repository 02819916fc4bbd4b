"""What a generator replica tells Prometheus, at a port of its node: Ray's own metrics know nothing of batches."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.registry import Collector

logger = logging.getLogger("figment.ray")

AGAIN: Final = 2.0
"""Seconds until a port that was taken is tried again."""


class OnLoop(Collector):
    """A registry that another thread reads: the event loop does it, since what is told of is its own."""

    def __init__(self, registry: CollectorRegistry, loop: asyncio.AbstractEventLoop) -> None:
        self._registry, self._loop = registry, loop

    def collect(self) -> Iterable[Metric]:
        """The metrics."""
        return asyncio.run_coroutine_threadsafe(self._collected(), self._loop).result()

    async def _collected(self) -> list[Metric]:
        return list(self._registry.collect())


async def tell(registry: CollectorRegistry, host: str, port: int) -> None:
    """Answer GET /metrics there until it is cancelled. Nobody is asked for a key.

    The port may be that of a replica which ends: it is tried until it is free.
    """
    shown = CollectorRegistry()
    shown.register(OnLoop(registry, asyncio.get_running_loop()))
    told = False
    while True:
        try:
            server, _ = start_http_server(port, host, shown)
            break
        except OSError as error:
            if not told:
                logger.warning("no metrics at %s:%d yet: %s", host, port, error.strerror)
            told = True
            await asyncio.sleep(AGAIN)
    logger.info("metrics at http://%s:%d/metrics", host, port)
    try:
        await asyncio.Event().wait()
    finally:
        server.shutdown()
        server.server_close()
