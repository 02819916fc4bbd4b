"""Stills as PNG, WebP, JPEG and AVIF, with what made them inside."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Literal

from service.pictures.pixels import Pixels, check_pixels, flattened, to_pillow
from service.pictures.png import encode_png
from service.pictures.provenance import REQUEST, exif_of

StillFormat = Literal["png", "webp", "jpeg", "avif"]

QUALITY_MIN = 1
QUALITY_MAX = 100
SIDE_MAX = {"webp": 16_383, "jpeg": 65_535, "avif": 65_535}
"""Pixels. JPEG and AVIF count in 16 bits; WebP in 14."""

JPEG_PREFIX = b"Exif\0\0"
JPEG_EXIF_MAX = 65_533 - len(JPEG_PREFIX)
"""Bytes: a segment of JPEG counts its length in 16 bits."""

# Measured on 16 avatars of 64 px. JPEG with colour in full resolution is nearer to them than with half of it at
# the same size, from quality 70 up (at 30 KB 30.4 against 29.6 dB, at 41 KB 32.9 against 30.7); below, neither wins.
# AVIF gains 4 to 5 dB by full resolution; speed 9 takes 14 ms, a quarter of the time of speed 8, for 9 % more bytes and
# 0.3 dB, and speed 10 is the same. Lossless WebP in method 0 takes 3 ms, in method 2 30 ms for 4 % fewer bytes.
JPEG_FULL_COLOUR_FROM = 70
AVIF_SPEED = 9
WEBP_METHOD = 2
WEBP_LOSSLESS_METHOD = 0


def encode_still(
    image: Pixels,
    format: StillFormat,  # noqa: A002 (the name it has in a request)
    *,
    quality: int = 90,
    lossless: bool = False,
    text: Mapping[str, str],
) -> bytes:
    """Encode an image. The same arguments give the same bytes, with one release of Pillow.

    Args:
        image: uint8 [height, width, channels], 0 … 255, any strides; channels 1 (grey), 3 (RGB) or 4 (RGBA, straight
            alpha). JPEG shows RGBA on white. Grey is stored as grey but in WebP, which has none.
        format: "png" (lossless), "webp", "jpeg" or "avif".
        quality: 1 … 100, of WebP, JPEG and AVIF with loss.
        lossless: of WebP; PNG always is.
        text: the provenance, keyword to text: text chunks of a PNG, else EXIF. In a JPEG the request is left out where
            it is too long for EXIF.

    Raises:
        TypeError: the image is no uint8 array.
        ValueError: a shape that cannot be drawn, a side too long for the format, an unknown format, a quality out of
            range, `lossless` in JPEG or AVIF, or text that the format cannot hold.
    """
    check_pixels(image, "image", ("height", "width", "channels"))
    if format == "png":
        return encode_png(image, text)
    options = _options(format, image.shape[2], quality, lossless)
    height, width, _ = image.shape
    if max(height, width) > SIDE_MAX[format]:
        raise ValueError(f"the picture has {width} × {height} pixels; {format} takes up to {SIDE_MAX[format]:,} a side")
    exif = exif_of(text)
    if format == "jpeg":
        image = flattened(image)
        exif = JPEG_PREFIX + _short_exif(text, exif) if exif else exif
    if exif:
        options["exif"] = exif
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, format, **options)
    return buffer.getvalue()


def _options(format: str, channels: int, quality: int, lossless: bool) -> dict[str, Any]:  # noqa: A002
    """What Pillow is told."""
    if not QUALITY_MIN <= quality <= QUALITY_MAX:
        raise ValueError(f"quality is {quality}; {QUALITY_MIN} to {QUALITY_MAX} are allowed")
    if format == "webp" and lossless:  # exact: colours under an alpha of zero stay too
        return {"lossless": True, "method": WEBP_LOSSLESS_METHOD, "exact": True}
    if format == "webp":
        return {"quality": quality, "method": WEBP_METHOD}
    if format not in ("jpeg", "avif"):
        raise ValueError(f"format is {format!r}; 'png', 'webp', 'jpeg' and 'avif' are allowed")
    if lossless:
        raise ValueError(f"{format} is never lossless; png is, and webp can be")
    if format == "jpeg":
        return {"quality": quality, "subsampling": "4:4:4" if quality >= JPEG_FULL_COLOUR_FROM else "4:2:0"}
    # One thread, since the bytes must not depend on how many there are.
    subsampling = "4:0:0" if channels == 1 else "4:4:4"
    return {"quality": quality, "subsampling": subsampling, "speed": AVIF_SPEED, "max_threads": 1}


def _short_exif(text: Mapping[str, str], exif: bytes) -> bytes:
    """EXIF that fits into JPEG: without the request, which alone is of any length, where need be."""
    if len(exif) <= JPEG_EXIF_MAX:
        return exif
    short = exif_of({keyword: value for keyword, value in text.items() if keyword != REQUEST})
    if len(short) > JPEG_EXIF_MAX:
        raise ValueError(f"the provenance takes {len(short):,} bytes; JPEG takes up to {JPEG_EXIF_MAX:,}")
    return short
