"""Where images come from: a folder, however deep, or a zip; and one image as an array of a square resolution."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_PIXELS = 100_000_000
"""The largest image that is decoded, in pixels: a small file can hold a huge picture."""
MAX_BYTES = 500_000_000
"""The largest file that is read, in bytes: a small zip can hold a huge file."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF")
"""Pillow's names of what is decoded, whatever a file's ending: others start programs (EPS) or have no pixels."""


class DataError(Exception):
    """The data cannot be trained on; says what was looked for and what was found."""


@dataclass(frozen=True)
class Entry:
    """One file that by its ending is an image. `stamp` changes when its content does."""

    name: str
    stamp: str
    read: Callable[[], bytes]


def list_entries(path: Path) -> list[Entry]:
    """All files below a folder, or inside a zip, that end like an image; sorted by name.

    Hidden files and the extra files that macOS puts into zips are passed over.

    Raises:
        DataError: the path does not exist, is neither folder nor zip, or holds no such file.
    """
    if path.is_dir():
        entries = _of_folder(path)
    elif path.is_file():
        entries = _of_zip(path)
    else:
        raise DataError(f"{path} does not exist; --data takes a folder of images or a zip of them")
    if not entries:
        raise DataError(f"{path} holds no images: looked, at any depth, for {', '.join(sorted(SUFFIXES))}")
    return sorted(entries, key=lambda entry: entry.name)


def _is_image(name: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
    return name.suffix.lower() in SUFFIXES and not hidden


def _of_folder(folder: Path) -> list[Entry]:
    entries = []
    for file in folder.rglob("*"):
        name = PurePosixPath(file.relative_to(folder).as_posix())
        if _is_image(name) and file.is_file():
            stat = file.stat()
            read = partial(_read, file.read_bytes, stat.st_size)
            entries.append(Entry(str(name), f"{stat.st_size} {stat.st_mtime_ns}", read))
    return entries


def _of_zip(path: Path) -> list[Entry]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is neither a folder nor a readable zip: {error}") from error

    def entry(info: zipfile.ZipInfo) -> Entry:
        read = partial(_read, partial(archive.read, info), info.file_size)
        return Entry(info.filename, f"{info.file_size} {info.CRC:08x}", read)

    return [entry(i) for i in archive.infolist() if not i.is_dir() and _is_image(PurePosixPath(i.filename))]


def _read(read: Callable[[], bytes], size: int) -> bytes:
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes are more than {MAX_BYTES}")
    return read()


def decode(content: bytes, resolution: int, channels: int) -> NDArray[np.uint8]:
    """An encoded image as uint8 [resolution, resolution, channels].

    The first frame, turned as its EXIF says, the middle square of it, resized (Lanczos). Transparent pixels
    are laid on white unless `channels` is 4.

    Raises:
        ValueError: the content is no image, is truncated, or is larger than 100 megapixels; says which.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} × {image.height} pixels are more than {MAX_PIXELS}")
        image.draft("RGB", (resolution, resolution))  # JPEG: decode at the smallest size that is enough
        upright = _to_mode(ImageOps.exif_transpose(image), channels)
    except ValueError:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"not an image of a known kind ({', '.join(FORMATS)})" if content else "empty") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        raise ValueError(f"{type(error).__name__}: {error}") from error
    square = ImageOps.fit(upright, (resolution, resolution), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8).reshape(resolution, resolution, channels)


def _to_mode(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more: Pillow's own conversion clips
        image = _eight_bits(image)
    if channels == 4:
        return image.convert("RGBA")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L" if channels == 1 else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    sixteen = image.mode.startswith("I;16") or values.max(initial=0) > 255  # "I" and "F" do not say their range
    top = 65535.0 if sixteen else 255.0
    return Image.fromarray((values.clip(0, top) * (255.0 / top)).round().astype(np.uint8))
