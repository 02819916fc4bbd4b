"""The process: uvicorn around the application, and an end in the right order."""

import asyncio
import logging
import signal
from types import FrameType

import uvicorn

from service.catalogue import Catalogue
from service.settings import Settings

logger = logging.getLogger("figment.server")


class Server(uvicorn.Server):
    """Uvicorn that, at the first SIGTERM or Ctrl-C, says it is not ready, serves on for the grace time, then drains.

    Uvicorn alone closes its socket at once, while a load balancer still sends requests to it.
    """

    def __init__(self, config: uvicorn.Config, catalogue: Catalogue, grace: float) -> None:
        super().__init__(config)
        self._catalogue, self._grace = catalogue, grace
        self._stopping = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second ends at once."""
        if self._stopping:
            super().handle_exit(sig, frame)
            return
        self._stopping = True
        self._catalogue.state = "stopping"
        logger.info("%s: not ready any more; closing in %g s", signal.Signals(sig).name, self._grace)
        asyncio.get_running_loop().call_later(self._grace, self._close)

    def _close(self) -> None:
        self.should_exit = True


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


def build_server(settings: Settings, app: object, catalogue: Catalogue) -> Server:
    """The server of an application, ready to `run()`."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.host,
        port=settings.port,
        log_config=log_config(settings.log_level),
        timeout_graceful_shutdown=settings.drain,
        server_header=False,
    )
    return Server(config, catalogue, settings.grace)
