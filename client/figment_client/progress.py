"""A bar of how far long work is, on a terminal only."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Self

WIDTH = 30  # characters of the bar


class Bar:
    """One line that is drawn over again; use it in a `with`, which clears it. Without a terminal nothing is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None

    def update(self, done: int, total: int, text: str = "") -> None:
        """Show `done` of `total`, with a text behind."""
        if self._stream is None:
            return
        filled = WIDTH * min(done, total) // max(total, 1)
        self._stream.write(f"\r[{'#' * filled}{' ' * (WIDTH - filled)}] {done}/{total} {text}\x1b[K")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
