"""What a request may ask for: one model of query parameters for each endpoint. Unknown ones are errors."""

import re
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from bundle.latents import PathMode
from bundle.seeds import SEED_COUNT, parse_seed
from service.api.problems import InvalidParameters, ParameterError, echo
from service.pictures.animation import FPS_MAX, FPS_MIN

MAX_IMAGES = 64
"""Images of one request to /generate."""
MAX_FRAMES = 120
MAX_KEYS = 16
"""Seeds of one walk."""
MAX_TRUNCATION = 2.0
MAX_LABEL = 255
"""Characters of a class's name."""
MAX_NAME = 100
"""Characters of an unknown parameter's name that an error repeats."""
MAX_ERRORS = 20
"""Parameters that one answer complains about."""


def _whole_number(value: object) -> object:
    """Refuse what Python would take for a number and a person would not: "1.0", " 1", "1_000"."""
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdecimal()):
        raise ValueError("a whole number is needed")
    if isinstance(value, str) and len(value) > 20:
        raise ValueError("the number has too many digits")
    return value


NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def _number(value: object) -> object:
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise ValueError("a number is needed")
    return value


def _true_or_false(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("true or false is needed")
    return value


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Switch = Annotated[bool, BeforeValidator(_true_or_false)]

SEED_SCHEMA = {
    "type": "string",
    "description": f"A whole number 0 … {SEED_COUNT - 1}; any other text is hashed to one. Random if left out.",
    "examples": ["7", "ada"],
}
Seed = Annotated[int, BeforeValidator(lambda text: parse_seed(str(text))), WithJsonSchema(SEED_SCHEMA)]

Truncation = Annotated[
    float,
    BeforeValidator(_number),
    Field(
        ge=0,
        le=MAX_TRUNCATION,
        allow_inf_nan=False,
        description="ψ: the latent, but not its class, is multiplied by it.",
    ),
]
Label = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=MAX_LABEL,
        description="A class of the model: one of the `class_names` of `GET /models`, or its index, from 0. "
        "If left out, each seed has its own class.",
    ),
]
Version = Annotated[
    WholeNumber | None,
    Field(ge=1, le=2**31, description="A version of the model in the store; the newest good one if left out."),
]
ModelName = Annotated[str | None, Field(min_length=1, max_length=100, description="A name from `GET /models`.")]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(_Query):
    """No parameters."""


class ImageQuery(_Query):
    """Parameters of one image."""

    truncation: Truncation = 1.0
    label: Label = None
    model: ModelName = None
    version: Version = None


class GenerateQuery(_Query):
    """Parameters of a grid of images."""

    n: WholeNumber = Field(default=1, ge=1, le=MAX_IMAGES, description="How many images.")
    seed: Seed | None = Field(default=None, description="Image i has seed + i. Random if left out.")
    columns: WholeNumber | None = Field(
        default=None, ge=1, le=MAX_IMAGES, description="Images in a row; nearest to a square if left out."
    )
    truncation: Truncation = 1.0
    label: Label = None
    model: ModelName = None
    version: Version = None
    format: Literal["png"] = "png"


class InterpolateQuery(_Query):
    """Parameters of a walk between images."""

    seeds: str | None = Field(
        default=None,
        description=f"2 to {MAX_KEYS} seeds, separated by commas. Two random ones if left out.",
        examples=["1,2,3"],
    )
    frames: WholeNumber = Field(default=16, ge=2, le=MAX_FRAMES, description="Images of the whole walk.")
    mode: PathMode = Field(default="slerp", description="The arc, or the straight line, between two latents.")
    loop: Switch = Field(default=False, description="Come back to the first seed.")
    columns: WholeNumber | None = Field(
        default=None, ge=1, le=MAX_FRAMES, description="Images in a row of a PNG; all in one row if left out."
    )
    fps: WholeNumber = Field(default=12, ge=FPS_MIN, le=FPS_MAX, description="Frames a second of a WebP or GIF.")
    truncation: Truncation = 1.0
    label: Label = None
    model: ModelName = None
    version: Version = None
    format: Literal["png", "webp", "gif"] = "png"

    @field_validator("seeds")
    @classmethod
    def _as_numbers(cls, text: str | None) -> str | None:
        if text is None:
            return None
        parts = text.split(",")
        if not 2 <= len(parts) <= MAX_KEYS:
            raise ValueError(f"2 to {MAX_KEYS} seeds are needed, separated by commas; there are {len(parts)}")
        return ",".join(str(parse_seed(part.strip())) for part in parts)

    @property
    def keys(self) -> list[int] | None:
        """The seeds as numbers."""
        return None if self.seeds is None else [int(part) for part in self.seeds.split(",")]


def only(query: type[BaseModel]) -> Any:  # noqa: ANN401 (as FastAPI's Depends)
    """A dependency that does `check_names`."""

    async def check(request: Request) -> None:
        check_names(request, query)

    return Depends(check)


def check_names(request: Request, query: type[BaseModel]) -> None:
    """Refuse parameters that a query does not have, and those given twice: which one counts would be a guess.

    Raises:
        InvalidParameters: names them.
    """
    given, names = request.query_params, query.model_fields
    if len(given) == len(given.multi_items()) and names.keys() >= given.keys():
        return
    unknown = {name: value for name, value in given.multi_items() if name not in names}
    twice = {name for name in names if len(given.getlist(name)) > 1}
    message = f"unknown parameter; there are: {', '.join(sorted(names)) or 'none'}"
    errors = [
        ParameterError(parameter=name[:MAX_NAME], message=message, got=echo(value)) for name, value in unknown.items()
    ]
    errors += [ParameterError(parameter=name, message="given more than once") for name in sorted(twice)]
    raise InvalidParameters(*errors[:MAX_ERRORS])


def refuse_body(request: Request) -> None:
    """Refuse a body: parameters are in the query, and one that is not read would be ignored in silence.

    Raises:
        InvalidParameters: there is a body.
    """
    headers = request.headers
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        message = "a body is not read; give the parameters in the query, as in /generate?n=16"
        raise InvalidParameters(ParameterError(parameter="body", message=message))
