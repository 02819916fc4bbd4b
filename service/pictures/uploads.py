"""Pictures that clients send: decoded without trust, and brought to a model's shape."""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from service.pictures.pixels import Pixels

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "JPEG2000", "TGA")
"""What is read. Others of Pillow's formats are no pictures from a browser or a camera, and reading one, EPS, starts
another program; plain PPM takes seconds a megabyte."""
MAX_PIXELS: Final = 2**25
"""Width × height, before anything is decoded: a file of a kilobyte may hold gigabytes. A camera's 32 million fit."""
MAX_SIDE: Final = 2**15
"""Pixels of the longer side."""
SIXTEEN_BITS: Final = ("I;16", "I;16L", "I;16B", "I;16N")
MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}


class UnsupportedPicture(ValueError):
    """It is no picture in a format that is read."""


class PictureTooLarge(ValueError):
    """It has more bytes, or more pixels, than are taken."""


def read_picture(content: bytes, height: int, width: int, channels: int) -> Pixels:
    """A picture as a model draws them.

    It is turned as its EXIF orientation says; of an animation the first frame counts; the middle is cut out in the
    model's aspect and made its size by Lanczos's filter. Without alpha in the model, what is transparent becomes white.

    Args:
        content: the file.
        height: pixels, of the result.
        width: pixels.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA, straight alpha).

    Returns:
        uint8 [height, width, channels].

    Raises:
        UnsupportedPicture: no format that is read.
        PictureTooLarge: more than `MAX_PIXELS`.
        ValueError: it cannot be decoded: it is cut short or damaged.
    """
    if not content:
        raise ValueError("there is no picture; send its bytes as the body, or as the field image of a form")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            check_size(*image.size)
            picture = upright(image, height, width)
            fitted = fit(flattened(picture, channels == 4), height, width).convert(MODES[channels])
    except UnidentifiedImageError as error:
        raise UnsupportedPicture(
            f"it is no picture in a format that is read; there are: {', '.join(FORMATS)}"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge(f"it has far more than the {MAX_PIXELS} pixels that are taken") from error
    except (UnsupportedPicture, PictureTooLarge):
        raise
    except Exception as error:  # of a damaged file Pillow raises nearly anything
        raise ValueError(f"the picture cannot be decoded: {error}") from error
    return np.asarray(fitted, np.uint8).reshape(height, width, channels)


def check_size(width: int, height: int) -> None:
    """Refuse a picture of so many pixels before it is decoded.

    Raises:
        PictureTooLarge: too many.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureTooLarge(
            f"it is {width} x {height} pixels; at most {MAX_PIXELS} in all and {MAX_SIDE} a side are taken"
        )


def upright(image: Image.Image, height: int, width: int) -> Image.Image:
    """The first frame, decoded, turned as its EXIF orientation says.

    A JPEG is decoded at an eighth, a quarter or half its size, where that is still twice the size that is wanted.
    """
    side = 2 * max(height, width)
    image.draft(None, (side, side))
    image.load()
    return ImageOps.exif_transpose(image)


def flattened(image: Image.Image, alpha: bool) -> Image.Image:
    """The picture as RGBA if `alpha`, else as RGB, what was transparent on white."""
    if image.mode in SIXTEEN_BITS:  # which Pillow would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise UnsupportedPicture("its pixels are 32 bits deep; 8 or 16 are read")
    transparent = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    if not transparent:
        return image.convert("RGBA" if alpha else "RGB")
    image = image.convert("RGBA")
    if alpha:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def fit(image: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of a picture, in the aspect of `width` to `height`, at that size."""
    scale = min(image.width / width, image.height / height)
    across, down = scale * width, scale * height
    left, top = (image.width - across) / 2, (image.height - down) / 2
    box = (left, top, left + across, top + down)
    return image.resize((width, height), Image.Resampling.LANCZOS, box, reducing_gap=3.0)
