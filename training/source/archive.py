"""The images of a zip."""

import zipfile
from functools import partial
from pathlib import Path

from training.source.entry import DataError, Entry, is_image, limited


def open_archive(path: Path) -> zipfile.ZipFile:
    """A zip, opened to be read.

    Raises:
        DataError: it is none, or is cut off.
    """
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DataError(f"{path} is not a readable zip: {error}") from error


def archive_entries(archive: zipfile.ZipFile) -> list[Entry]:
    """All files inside a zip that end like an image, in no order; of two with one name the last, as unzipping does."""
    files = {info.filename: info for info in archive.infolist() if not info.is_dir() and is_image(info.filename)}
    return [
        Entry(name, f"{info.file_size} {info.CRC:08x}", partial(_read, archive, info)) for name, info in files.items()
    ]


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    return limited(partial(archive.read, info), info.file_size)
