"""Where a picture goes: into a file, to standard output, onto the terminal; and what is told of it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from . import terminal
from .client import Figment
from .errors import InvalidArgument, WrongEnding
from .pictures import Picture
from .points import ranges_text
from .requests import destined

STDOUT = "-"
SHOWN_FORMATS = (None, "png", "webp", "jpeg", "avif", "gif", "apng")


class Delivery:
    """The output that options ask for, checked before anything is drawn: what could not be is InvalidArgument."""

    def __init__(self, figment: Figment, options: argparse.Namespace) -> None:
        self._figment = figment
        self._output: str | None = options.output
        self._protocol = _protocol(options)
        if self._output is None and self._protocol is None:
            raise InvalidArgument("-o FILE is needed, or --show")
        if self._output == STDOUT and (self._protocol or sys.stdout.isatty()):
            raise InvalidArgument("-o -: standard output is a terminal; redirect it, or name a file")

    def destined(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options for the client, with the file that it is to write, and with a format where only it is shown."""
        if self._output is None and options["format"] is None:
            options = {**options, "format": "png"}
        to = None if self._output in (None, STDOUT) else self._output
        try:
            chosen: Any = destined(options, to)  # type: ignore[type-var]  # a TypedDict's options, by name
        except WrongEnding as error:
            raise InvalidArgument(f"-o {error}") from error
        if self._protocol and chosen["format"] not in SHOWN_FORMATS:
            raise InvalidArgument(f"--show: {chosen['format']} is no picture that a terminal shows")
        return {**chosen, "to": to}

    def deliver(self, picture: Picture) -> None:
        """Write the picture where it is not yet, show it, and tell its origin on standard error."""
        if self._output == STDOUT:
            sys.stdout.buffer.write(picture.content)
        if self._protocol:
            sys.stdout.write(terminal.shown(picture.content, self._protocol) + "\n")
        print_origin(self._figment, picture)


def print_origin(figment: Figment, picture: Picture) -> None:
    """The seeds, the classes, the model and the address that draws it again, on standard error."""
    if picture.seeds:
        print("seed" if len(picture.seeds) == 1 else "seeds", ranges_text(picture.seeds), file=sys.stderr)
    if picture.labels:
        print("label" if len(picture.labels) == 1 else "labels", ",".join(map(str, picture.labels)), file=sys.stderr)
    print("model", f"{picture.model}/{picture.version}", file=sys.stderr)
    if picture.request is not None:
        print("replay", figment.replay_url(picture), file=sys.stderr)


def _protocol(options: argparse.Namespace) -> str | None:
    """The protocol to show by, or None where nothing is to be shown."""
    if options.show_with or not options.show:
        named: str | None = options.show_with
        return named
    if not sys.stdout.isatty():
        raise InvalidArgument("--show: standard output is no terminal")
    found = terminal.protocol_of(os.environ)
    if found is None:
        raise InvalidArgument(
            "--show: this terminal is not known to show pictures; if it does, name how with --show-with "
            + "|".join(terminal.PROTOCOLS)
        )
    return found
