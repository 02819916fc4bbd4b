"""The manifest: what a bundle says about itself, in `assets.extra/manifest.json`."""

import math
from collections import Counter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bundle.latents import SEED_SCHEME

SCHEMA_VERSION: Final = 1
"""The manifest's own version; a reader refuses one it does not know."""

SHARES_TOLERANCE: Final = 1e-6
"""How far the classes' shares may sum from 1."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A model's name: a folder, a URL parameter and a metric label, so lower-case letters, digits, `.`, `_`, `-`."""

ClassName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""A class's name: that of the folder its images were in."""

Share = Annotated[float, Field(gt=0.0, le=1.0)]

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImageShape(_Part):
    """The shape of one image: height and width in pixels; 1 (grey), 3 (RGB) or 4 (RGBA) channels."""

    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)
    channels: Literal[1, 3, 4]


class DataSet(_Part):
    """What the generator was trained on; digest and count are None where that is not known: it was imported."""

    name: str
    digest: Digest | None = None
    count: int | None = Field(default=None, ge=1)
    license: str
    attribution: str


class Measure(_Part):
    """One number about the images, with the same number between two halves of real images as its floor.

    `low` and `high` are the bounds of the 95 % confidence interval of `value`; both are there or neither. `count`: the
    images a side; `seed`: of all that was drawn at random. `about` says what the number is.
    """

    value: float
    floor: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    about: str

    @model_validator(mode="after")
    def _interval_is_whole(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high: one bound of the interval is missing")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class Manifest(_Part):
    """All that a reader needs to serve the bundle and to say where it comes from.

    `files` maps each file's path inside the bundle (POSIX, relative) to its SHA-256; the manifest itself is
    not among them. `class_names` are the classes of a conditional generator and `class_shares` their shares of the
    training data, which sum to 1; the first numbers of a latent choose among them (see `bundle.classes`). Where there
    are no classes, both are empty.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Name
    version: int = Field(ge=1)
    latent_dim: int = Field(ge=1, le=65536)
    image: ImageShape
    seed_scheme: Literal["numpy-randomstate-v1"] = SEED_SCHEME
    class_names: tuple[ClassName, ...] = ()
    class_shares: tuple[Share, ...] = Field(default=(), validate_default=True)
    files: dict[str, Digest]
    data: DataSet
    recipe: str
    settings: dict[str, Any]
    images_seen: int = Field(ge=0)
    measures: dict[str, Measure] = {}
    software: dict[str, str]
    created: AwareDatetime

    @field_validator("class_names")
    @classmethod
    def _names_are_unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"{twice[0]!r} is there twice")
        return names

    @field_validator("class_shares")
    @classmethod
    def _shares_are_those_of_the_classes(cls, shares: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        names, latent_dim = info.data.get("class_names"), info.data.get("latent_dim")
        if names is not None and len(shares) != len(names):
            raise ValueError(f"one share is needed for each of the {len(names)} class_names, there are {len(shares)}")
        if latent_dim is not None and len(shares) > latent_dim:
            raise ValueError(f"{len(shares)} classes do not fit into latents of {latent_dim} numbers")
        if shares and abs(math.fsum(shares) - 1.0) > SHARES_TOLERANCE:
            raise ValueError(f"the shares sum to {math.fsum(shares):.9g}, not to 1")
        return shares

    @model_validator(mode="after")
    def _files_are_inside(self) -> Self:
        for path in self.files:
            if path.startswith("/") or ".." in path.split("/") or "\\" in path:
                raise ValueError(f"files: {path!r} is not a path inside the bundle")
        return self
