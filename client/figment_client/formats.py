"""The image formats a Figment service answers with, and how their bytes begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"  # an empty IEND chunk with its checksum: the same in every PNG
_GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
_GIF_END = b"\x3b"
_RIFF_HEADER_BYTES = 8  # "RIFF" and a little-endian size that does not count these eight


@dataclass(frozen=True)
class ImageFormat:
    """A format: its name as the `format` parameter has it, its media type, and the ending of its files."""

    name: str
    media_type: str
    ending: str


PNG = ImageFormat("png", "image/png", ".png")
WEBP = ImageFormat("webp", "image/webp", ".webp")
GIF = ImageFormat("gif", "image/gif", ".gif")
FORMATS = (PNG, WEBP, GIF)


def format_of_content(content: bytes) -> ImageFormat | None:
    """The format the first bytes tell, or None."""
    if content.startswith(_PNG_SIGNATURE):
        return PNG
    if content.startswith(_GIF_SIGNATURES):
        return GIF
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    return None


def format_of_media_type(media_type: str) -> ImageFormat | None:
    """The format of a bare media type (`image/png`), or None."""
    return next((each for each in FORMATS if each.media_type == media_type), None)


def format_of_path(path: str | PurePath) -> ImageFormat | None:
    """The format a path's ending names, in capitals or not, or None."""
    ending = PurePath(path).suffix.lower()
    return next((each for each in FORMATS if each.ending == ending), None)


def is_whole(content: bytes) -> bool:
    """Whether bytes of a known format also end as the format does: a look at the end, not a decoding."""
    kind = format_of_content(content)
    if kind is PNG:
        return content.endswith(_PNG_END)
    if kind is GIF:
        return content.endswith(_GIF_END)
    if kind is WEBP:
        return len(content) >= _RIFF_HEADER_BYTES + int.from_bytes(content[4:8], "little")
    return False
