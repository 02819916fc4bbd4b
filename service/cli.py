"""The command `python -m service`: settings from the environment, then the server."""

import logging.config
import sys

from pydantic import ValidationError

from bundle.store import Store
from service.app import create_app
from service.engine.protocol import EngineError
from service.server import build_server, log_config
from service.settings import Settings


def main() -> int:
    """Serve until a signal; returns the exit status: 0 stopped, 1 could not start, 2 wrong settings."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(("FIGMENT", *map(str, problem["loc"]))).upper()
            print(f"figment: {name}={problem['input']!r}: {problem['msg']}", file=sys.stderr)
        return 2
    logging.config.dictConfig(log_config(settings.log_level))
    try:
        app = create_app(settings, Store(settings.models))
    except EngineError as error:
        print(f"figment: {error}", file=sys.stderr)
        return 1
    build_server(settings, app, app.state.catalogue).run()
    return 0
