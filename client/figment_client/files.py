"""Files that appear whole or not at all: written beside, then renamed over what was there."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from .errors import WrongEnding
from .formats import endings_of_media_type

if TYPE_CHECKING:
    from typing_extensions import Self

StrPath: TypeAlias = str | os.PathLike[str]
File: TypeAlias = bytes | bytearray | memoryview | BinaryIO | StrPath


class PartFile:
    """
    A file that is being written: `path` is its final name, which is not touched before `commit`.

    Use it in a `with`: what was not committed is removed at its end. Every method raises OSError where the file
    system refuses.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(f".{self.path.name}.{os.urandom(4).hex()}.part")
        try:
            self._file = self.part.open("xb+")
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "there is no such folder", str(self.path.parent)) from None

    def write(self, piece: bytes) -> None:
        """Write at the end of what was written."""
        self._file.write(piece)

    def flush(self) -> None:
        """Let what was written be read under the name `part`."""
        self._file.flush()

    def restart(self) -> None:
        """Forget what was written: another attempt follows."""
        self._file.seek(0)
        self._file.truncate()

    def commit(self) -> None:
        """Give the file its final name."""
        self._file.close()
        self.part.replace(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.part.unlink(missing_ok=True)  # after the rename there is nothing to remove


def require_ending(path: StrPath, media_type: str) -> None:
    """Raise WrongEnding where a path's ending is none of those that files of a media type have."""
    endings = endings_of_media_type(media_type)
    if Path(path).suffix.lower() not in endings:
        wanted = f"a name ending in {' or '.join(endings)}" if endings else "a format this client knows"
        raise WrongEnding(f"{os.fspath(path)!r}: a picture of type {media_type} needs {wanted}")


def content_of(file: File) -> bytes:
    """The bytes of a file that is given by its path, as bytes, or opened for reading bytes. Raises OSError."""
    if isinstance(file, bytes | bytearray | memoryview):
        return bytes(file)
    if isinstance(file, str | os.PathLike):
        return Path(file).read_bytes()
    return file.read()
