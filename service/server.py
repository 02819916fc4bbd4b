"""The process: uvicorn around the application, and an end in the right order."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import cast

import uvicorn

from service.catalogue import Catalogue
from service.limits.bounds import Bounds
from service.limits.protocol import bounded
from service.limits.refusals import Refusals
from service.observability.logs import log_config
from service.settings import Settings, parts

logger = logging.getLogger("figment.server")

BACKLOG = 2048
"""Connections that may wait to be accepted."""
LAST_WORDS = 0.2
"""Seconds between closing the port and closing the connections that ask nothing: a request may be on its way."""
HANG_UP = (b"connection", b"close")
"""The header that lets a client end its connection after the answer."""


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
        self.config.encoded_headers.append(HANG_UP)  # clients come back on a connection of another replica
        self.server_state.default_headers = [*self.server_state.default_headers, HANG_UP]
        logger.info("%s: not ready any more; closing in %g s", signal.Signals(sig).name, self._grace)
        asyncio.get_running_loop().call_later(self._grace, self._close)

    def _close(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, then, when who has just connected has been heard, the connections that ask nothing."""
        ports = [sock.dup() for sock in sockets or []]  # uvloop closes its own
        for server in self.servers:
            server.close()
        for port in ports:
            with port:
                await self.accept_waiting(port)
        await asyncio.sleep(LAST_WORDS)
        await super().shutdown(sockets)

    async def accept_waiting(self, port: socket.socket) -> None:
        """Accept who has connected and was not accepted yet: the kernel would reset their connections."""
        port.setblocking(False)
        with suppress(OSError):  # there are no more
            for _ in range(BACKLOG):
                connection, _ = port.accept()
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """What uvicorn makes for a connection."""
        make = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    name = f"[{host}]" if family == socket.AF_INET6 else host
    logger.info("listening on http://%s:%d", name, listener.getsockname()[1])
    return listener


def build_server(settings: Settings, app: object, catalogue: Catalogue, refusals: Refusals | None = None) -> Server:
    """The server of an application, ready to `run()` on the socket of `listen`; it tells `refusals` of connections."""
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
