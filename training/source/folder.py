"""The images of a folder, however deep."""

import os
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from training.source.entry import Entry, is_image, limited


def folder_entries(folder: Path) -> list[Entry]:
    """All files below a folder that end like an image, in no order.

    Links to files and folders are followed, and a folder that is met again, as in a circle of links, is not read
    twice. What vanishes meanwhile, and links to nowhere, are passed over.

    Raises:
        OSError: a folder cannot be read; names it.
    """
    return [
        Entry(name, f"{stat.st_size} {stat.st_mtime_ns}", partial(_read, file.path, stat.st_size))
        for name, file, stat in _files(folder)
    ]


def _read(path: str, size: int) -> bytes:
    return limited(Path(path).read_bytes, size)


def _files(root: Path) -> Iterator[tuple[str, "os.DirEntry[str]", os.stat_result]]:
    """Every image with its name below the root; `os.scandir` takes a fraction of `Path.rglob`'s time."""
    folders, met = deque([(str(root), "")]), set()
    while folders:  # true folders from the left, linked ones at the very end: a name without a link goes first
        path, prefix = folders.popleft()
        stat = Path(path).stat()
        if (stat.st_dev, stat.st_ino) in met:
            continue
        met.add((stat.st_dev, stat.st_ino))
        with os.scandir(path) as files:
            found = sorted(files, key=lambda file: file.name)
        for file in found:
            name = prefix + file.name
            try:
                if file.is_dir():
                    (folders.append if file.is_symlink() else folders.appendleft)((file.path, f"{name}/"))
                elif is_image(name) and file.is_file():
                    yield name, file, file.stat()
            except OSError:  # gone meanwhile, or a link to nowhere or to itself
                continue
