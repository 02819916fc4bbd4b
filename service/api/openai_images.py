"""What OpenAI's interface may be asked for about images, and how a prompt becomes seeds."""

import hashlib
import re
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, Field, field_validator

from bundle.manifest import ImageShape
from bundle.seeds import MAX_SEED_LENGTH, parse_seed
from service.api.content import wrong
from service.api.json_body import StrictBody
from service.api.parameters import MAX_IMAGES
from service.engine.protocol import Pixels

MAX_PROMPT: Final = 32_000
"""Characters of a prompt, as OpenAI has it."""
MAX_PIXELS: Final = 2**24
"""Pixels of all images of a request, where they are enlarged."""
DEFAULT_QUALITY: Final = 90
"""Of WebP and JPEG, 1 … 100."""
MAX_SCALE: Final = 8
"""Of an image at an address."""
SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")

Kind = Literal["png", "jpeg", "webp"]


class ImageRequest(StrictBody):
    """A request for images, in OpenAI's words. What a GAN has no use for is taken where leaving it out is harmless."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT, description="Hashed to a seed: a GAN reads no text.")
    model: str | None = Field(default=None, max_length=200, description="NAME or NAME/VERSION.")
    n: int | None = Field(default=None, ge=1, le=MAX_IMAGES)
    size: str | None = Field(
        default=None, max_length=20, description="auto, or WIDTHxHEIGHT: the model's size, or a whole multiple of it."
    )
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Kind | None = None
    output_compression: int | None = Field(default=None, ge=0, le=100, description="Quality of WebP and JPEG.")
    background: Literal["auto", "opaque", "transparent"] | None = None
    stream: bool | None = None
    partial_images: int | None = None
    quality: Literal["auto", "standard", "hd", "low", "medium", "high", "xhigh", "max"] | None = None
    style: Literal["vivid", "natural"] | None = None
    complexity: Literal["low", "medium", "high"] | None = None
    moderation: Literal["auto", "low"] | None = None
    user: str | None = Field(default=None, max_length=1000)
    safety_identifier: str | None = Field(default=None, max_length=1000)

    @field_validator("stream", "partial_images")
    @classmethod
    def _not_streamed(cls, value: int | None) -> int | None:
        if value:
            raise ValueError("answers are not streamed")
        return value

    @property
    def kind(self) -> Kind:
        """The format of the images."""
        return self.output_format or "png"

    @property
    def quality_asked(self) -> int:
        """Of WebP and JPEG, 1 … 100."""
        return DEFAULT_QUALITY if self.output_compression is None else max(1, self.output_compression)


class ImageEntry(BaseModel):
    """An image, by its address or its bytes; `revised_prompt` says what it was drawn from."""

    url: str | None = None
    b64_json: str | None = None
    revised_prompt: str


class ImagesAnswer(BaseModel):
    """The images of a request."""

    created: int
    data: list[ImageEntry]
    background: Literal["opaque", "transparent"]
    output_format: Kind
    size: str


def seed_of(prompt: str) -> int:
    """The seed of a prompt: as that of any text, a long one by its SHA-256.

    Raises:
        InvalidParameters: it is a whole number that is no seed.
    """
    try:
        return parse_seed(prompt if len(prompt) <= MAX_SEED_LENGTH else hashlib.sha256(prompt.encode()).hexdigest())
    except ValueError as error:
        raise wrong("prompt", str(error)) from None


def model_asked(model: str | None) -> tuple[str | None, int | None]:
    """The name and version of NAME or NAME/VERSION; a name never has a slash."""
    name, slash, version = (model or "").partition("/")
    if not slash:
        return name or None, None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise wrong("model", "NAME or NAME/VERSION is needed", model)
    return name, int(version)


def check_request(body: ImageRequest, image: ImageShape) -> int:
    """How many times the images of a model are enlarged for a request: 1 or more.

    Raises:
        InvalidParameters: a size that is no whole multiple of the model's, or too large; a background or an address
            that cannot be had.
    """
    scale = _scale(body.size, image, body.n or 1)
    if body.response_format == "url" and scale > MAX_SCALE:
        raise wrong("size", f"an address leads to an image of at most {MAX_SCALE} times the model's size", body.size)
    if body.response_format == "url" and is_flattened(body, image):
        raise wrong("background", "at an address it keeps its transparency; ask for b64_json", body.background)
    if body.background == "transparent" and not is_transparent(body, image):
        raise wrong("background", "this model's images, or this output_format, have no transparency", body.background)
    return scale


def _scale(size: str | None, image: ImageShape, n: int) -> int:
    if size in (None, "auto"):
        return 1
    match = SIZE.fullmatch(size or "")
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    scale = width // image.width
    if not scale or (width, height) != (scale * image.width, scale * image.height):
        message = f"auto, or {image.width}x{image.height} or a whole multiple of it, is needed"
        raise wrong("size", message, size)
    if scale > 1 and n * width * height > MAX_PIXELS:
        raise wrong("size", f"enlarged images may have {MAX_PIXELS} pixels in all of a request", size)
    return scale


def is_transparent(body: ImageRequest, image: ImageShape) -> bool:
    """Whether the images keep the transparency that the model gives them."""
    return image.channels == 4 and body.kind != "jpeg" and body.background != "opaque"


def is_flattened(body: ImageRequest, image: ImageShape) -> bool:
    """Whether the images are laid on white, where the format would keep their transparency."""
    return image.channels == 4 and body.kind != "jpeg" and not is_transparent(body, image)


def prepared(images: Pixels, scale: int, transparent: bool) -> Pixels:
    """Images enlarged by the nearest pixel; those with transparency that is not kept are laid on white."""
    if images.shape[3] == 4 and not transparent:
        alpha = images[..., 3:].astype(np.uint16)
        images = ((images[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return images.repeat(scale, axis=1).repeat(scale, axis=2)
