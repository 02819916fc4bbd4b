"""The process: uvicorn around the application, and an end in the right order."""

import asyncio
import logging
import os
import signal
import socket
from types import FrameType

import uvicorn

from service.catalogue import Catalogue
from service.limits.bounds import Bounds
from service.limits.protocol import bounded
from service.limits.refusals import Refusals
from service.observability.logs import log_config
from service.settings import Settings, parts

logger = logging.getLogger("figment.server")


class Server(uvicorn.Server):
    """Uvicorn that, at the first SIGTERM or Ctrl-C, says it is not ready, serves on for the grace time, then drains.

    Uvicorn alone closes its socket at once, while a load balancer still sends requests to it.
    """

    def __init__(self, config: uvicorn.Config, catalogue: Catalogue, grace: float) -> None:
        super().__init__(config)
        self._catalogue, self._grace = catalogue, grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second ends the process at once."""
        if self._catalogue.stopping:
            os._exit(128 + sig)  # as a shell tells it; the first process of a container cannot be ended by a signal
        self._catalogue.stopping = True
        logger.info("%s: not ready any more; closing in %g s", signal.Signals(sig).name, self._grace)
        asyncio.get_running_loop().call_later(self._grace, self._close)

    def _close(self) -> None:
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    name = f"[{host}]" if family == socket.AF_INET6 else host
    logger.info("listening on http://%s:%d", name, listener.getsockname()[1])
    return listener


def build_server(settings: Settings, app: object, catalogue: Catalogue, refusals: Refusals | None = None) -> Server:
    """The server of an application, ready to `run()` on the socket of `listen`; `refusals` counts what it refuses."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=bounded(Bounds(settings.connections, settings.send_seconds, refusals or Refusals())),
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=parts(settings.trusted_proxies),
        timeout_keep_alive=settings.keep_alive,
        log_config=log_config(settings.log_level, settings.log_format),
        access_log=False,  # `service.observability` logs each request, with what it took
        timeout_graceful_shutdown=settings.drain,
        server_header=False,
    )
    return Server(config, catalogue, settings.grace)
