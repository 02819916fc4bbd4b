"""The keys that hold now: read at the start, and again whenever their file changes."""

import asyncio
import logging
from pathlib import Path

from service.access.keys import Key, KeyFileError, find, read_keys

logger = logging.getLogger("figment.keys")

Stamp = tuple[int, ...]


class Ring:
    """The keys of a file; a new file takes their place, a broken one does not.

    Raises (when it is made):
        KeyFileError: the file cannot be read, or is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Stamp | str = stamp_of(path)
        self.keys: tuple[Key, ...] = read_keys(path)

    def find(self, token: str) -> Key | None:
        """The key of a token, expired or not; None if there is none."""
        return find(token, self.keys)

    async def watch(self, seconds: float) -> None:
        """Look at the file every so many seconds, for ever."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await asyncio.to_thread(self.look)
            except Exception:  # whatever it is, the next file is looked at
                logger.exception("the keys could not be looked at; those that were read last hold")

    def look(self) -> None:
        """Read the file again if it has changed; of a broken one the log tells, once for each change."""
        seen = stamp_of(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            keys = read_keys(self._path)
        except KeyFileError as error:
            names = ", ".join(key.name for key in self.keys) or "none"
            logger.error("the new keys are not taken, and the old ones still hold (%s): %s", names, error)
            return
        self.keys = keys
        logger.info("keys: %s", ", ".join(key.name for key in keys) or "none, so nobody may ask")


def stamp_of(path: Path) -> Stamp | str:
    """What changes when a file, its rights or those of its folder do; or why it cannot be looked at."""
    try:
        status, folder = path.stat(), path.parent.stat()
    except OSError as error:
        return str(error.strerror)
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size, folder.st_mode
