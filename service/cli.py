"""The command `python -m service`: settings from the environment, then the server."""

import argparse
import gc
import logging.config
import sys

from pydantic import ValidationError

from bundle.store import Store
from service.access.keys import KeyFileError
from service.access.listening import refusal
from service.app import create_app
from service.engine.protocol import EngineError
from service.limits.descriptors import make_room
from service.observability.logs import log_config
from service.observability.tracing import TracesUnavailable
from service.server import build_server, listen
from service.settings import Settings

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that waits for the interpreter lock gets it: Python's 5 ms are a tenth of a batch, which
the device would wait for between two."""

GC_THRESHOLD = (20_000, 20, 50)
"""Python looks for cycles after 700 new objects, which is in every second request: a fifteenth of its time."""


COULD_NOT_START, WRONG_SETTINGS = 1, 2


def main() -> int:
    """Serve until a signal; returns the exit status: 0 stopped, 1 could not start, 2 wrong settings."""
    _parser().parse_args()  # there is nothing to parse; what is given all the same must not be ignored in silence
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            said = problem["msg"].removeprefix("Value error, ")
            print(f"figment: {_variable(problem['loc'][0])}={problem['input']!r}: {said}", file=sys.stderr)
        return WRONG_SETTINGS
    if reason := refusal(settings):
        return _refuse(reason, WRONG_SETTINGS)
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    logging.raiseExceptions = False  # a log that cannot be written is no reason to write of that
    try:
        app = create_app(settings, Store(settings.models))
    except KeyFileError as error:
        return _refuse(f"FIGMENT_KEYS: {error}", WRONG_SETTINGS)
    except (EngineError, TracesUnavailable) as error:
        return _refuse(str(error))
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        return _refuse(f"cannot listen on FIGMENT_HOST={settings.host} FIGMENT_PORT={settings.port}: {error.strerror}")
    make_room(settings.connections)
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*GC_THRESHOLD)
    gc.freeze()  # what is there stays: later collections, when a model was freed, look at little and take milliseconds
    with listener:
        build_server(settings, app, app.state.catalogue, app.state.refusals).run(sockets=[listener])
    return 0


def _refuse(reason: str, status: int = COULD_NOT_START) -> int:
    print(f"figment: {reason}", file=sys.stderr)
    return status


def _variable(field: object) -> str:
    return f"FIGMENT_{field}".upper()


def _parser() -> argparse.ArgumentParser:
    lines = [
        f"  {_variable(name)}={field.default}\n      {field.description}"
        for name, field in Settings.model_fields.items()
    ]
    return argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the models of a store over HTTP. It takes no options; settings are environment variables:",
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
