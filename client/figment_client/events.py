"""Server-sent events (WHATWG HTML, 9.2), read from bytes as they arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")  # a \r at the end may be the first half of a \r\n: it waits


class EventReader:
    """Collects the pieces of a stream, and gives each event (its name and its data) when it is whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[tuple[str, str]]:
        """The events that end in this piece."""
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        for line in lines:
            if line:
                self._field(line.decode("utf-8", "replace"))
                continue
            if self._data:
                yield self._name or "message", "\n".join(self._data)
            self._name, self._data = "", []

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")  # of a comment, which only keeps the connection open, the name is empty
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
