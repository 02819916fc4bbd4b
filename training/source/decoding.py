"""One image as an array of a square resolution."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from training.source.entry import Content

MAX_PIXELS = 100_000_000
"""The largest image that is decoded, in pixels: a small file can hold a huge picture."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF")
"""Pillow's names of what is decoded, whatever a file's ending: others start programs (EPS) or have no pixels."""


def decode(content: Content, resolution: int, channels: int) -> NDArray[np.uint8]:
    """An image as uint8 [resolution, resolution, channels].

    The first frame, turned as its EXIF says, the middle square of it, resized (Lanczos). Transparent pixels
    are laid on white unless `channels` is 4.

    Raises:
        ValueError: the content is no image, is truncated, or is larger than 100 megapixels; says which.
    """
    image = open_image(content)
    try:
        image.draft("RGB", (resolution, resolution))  # JPEG: decode at the smallest size that is enough
        upright = _to_mode(ImageOps.exif_transpose(image), channels)
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        raise ValueError(str(error) if isinstance(error, ValueError) else _reason(error)) from error
    square = ImageOps.fit(upright, (resolution, resolution), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8).reshape(resolution, resolution, channels)


def open_image(content: Content) -> Image.Image:
    """An image with its size, mode and format known, and its pixels, if they are encoded, not yet decoded.

    Raises:
        ValueError: no image of a known kind, or larger than 100 megapixels; says which.
    """
    if not isinstance(content, bytes):
        return Image.fromarray(content[..., 0] if content.shape[2] == 1 else content)
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(f"not an image of a known kind ({', '.join(FORMATS)})" if content else "empty") from None
    except Exception as error:
        raise ValueError(_reason(error)) from error
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"{image.width} × {image.height} pixels are more than {MAX_PIXELS}")
    return image


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


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
