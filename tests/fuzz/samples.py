"""Valid files to begin with: small pictures of each format, with what Figment and Pillow write about them."""

import io
import json
import struct
from functools import cache

import numpy as np
from PIL import Image, PngImagePlugin

COMMENT = json.dumps({"figment:request": "/generate?n=1&seed=7", "figment:seeds": "7", "figment:model": "tiny/1"})
FORMATS = ("PNG", "WEBP", "JPEG", "AVIF", "GIF", "BMP", "TIFF", "TGA")


def exif() -> bytes:
    """A TIFF structure with a description and a comment, as Pillow writes it."""
    written = Image.Exif()
    written[0x010E] = "/generate?n=1&seed=7"
    written.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + COMMENT.encode()
    return written.tobytes()


@cache
def picture(kind: str, mode: str = "RGB", side: int = 12) -> bytes:
    """A picture in a format of Pillow's."""
    pixels = np.random.default_rng(len(kind)).integers(0, 256, (side, side, 3), dtype=np.uint8)
    more: dict[str, object] = {}
    if kind in ("WEBP", "JPEG", "AVIF"):
        more["exif"] = exif()
    if kind == "GIF":
        more["comment"] = COMMENT.encode()
    if kind == "PNG":
        more["pnginfo"] = text = PngImagePlugin.PngInfo()
        text.add_text("figment:request", "/generate?n=1&seed=7")
        text.add_itxt("figment:seeds", "7")
        text.add_text("figment:model", "tiny/1", zip=True)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **more)
    return file.getvalue()


@cache
def pictures() -> tuple[bytes, ...]:
    """One of each format, some in other modes, and an MP4's boxes with a comment."""
    others = (picture("PNG", "RGBA"), picture("PNG", "P"), picture("TIFF", "L"), picture("WEBP", "RGBA"))
    return (*(picture(kind) for kind in FORMATS), *others, mp4())


def mp4() -> bytes:
    """The boxes of an MP4 that hold its comment."""

    def box(kind: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside) + 8) + kind + inside

    comment = box(b"\xa9cmt", box(b"data", struct.pack(">II", 1, 0) + COMMENT.encode()))
    listed = box(b"meta", bytes(4) + box(b"ilst", comment))
    return box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", box(b"udta", listed))
