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
from service.settings import Settings

logger = logging.getLogger("figment.server")

BACKLOG = 2048
"""Connections that may wait to be accepted."""
LAST_WORDS = 0.2
"""Seconds between closing the port and closing the connections that ask nothing: a request may be on its way."""
KEEP_ALIVE = 75
"""Seconds that a connection without a request stays open: longer than a balancer keeps one (nginx and most clouds 60,
clients 5), so that no request is sent at the moment when we close it."""
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


def log_config(level: str) -> dict[str, object]:
    """Logging for uvicorn and Figment: one line an event, with the time, on the standard error stream."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level.upper()} for name in ("figment", "uvicorn")},
    }


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


def build_server(settings: Settings, app: object, catalogue: Catalogue) -> Server:
    """The server of an application, ready to `run()` on the socket of `listen`."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=log_config(settings.log_level),
        timeout_graceful_shutdown=settings.drain,
        timeout_keep_alive=KEEP_ALIVE,
        server_header=False,
    )
    return Server(config, catalogue, settings.grace)
