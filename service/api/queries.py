"""What a request may ask for: one model of parameters for each endpoint. Unknown ones are errors."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bundle.walks import Easing, PathMode, frames_of_walk
from service.api.parameters import (
    MAX_FRAMES,
    MAX_IMAGES,
    NUMBER,
    WHOLE,
    ASeed,
    Background,
    KeyPoints,
    Label,
    Labels,
    ModelName,
    Points,
    Shape,
    Switch,
    Truncation,
    Version,
    Weights,
)
from service.pictures.animation import FPS_MAX, FPS_MIN

Still = Literal["png", "webp", "jpeg", "avif", "npz", "zip", "json"]
Walk = Literal["webp", "png", "apng", "gif", "mp4", "jpeg", "avif"]


class Query(BaseModel):
    """Parameters of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """No parameters."""


class PictureQuery(Query):
    """What every picture may be asked with."""

    truncation: Truncation = 1.0
    label: Label = None
    quality: Annotated[int, Field(ge=1, le=100, description="Of WebP, JPEG and AVIF."), WHOLE] = 90
    lossless: Switch = Field(default=False, description="WebP without loss.")
    model: ModelName = None
    version: Version = None


class ImageQuery(PictureQuery):
    """Parameters of one image."""

    scale: Annotated[
        float, Field(ge=0.25, le=8.0, description="Times as many pixels a side.", allow_inf_nan=False), NUMBER
    ] = 1.0
    resample: Literal["nearest", "lanczos"] = Field(default="nearest", description="How pixels are made by `scale`.")


class GridQuery(ImageQuery):
    """Parameters of pictures in rows."""

    columns: Annotated[int, Field(ge=1, le=MAX_FRAMES), WHOLE] | None = Field(
        default=None, description="Images in a row; nearest to a square if left out."
    )
    padding: Annotated[int, Field(ge=0, le=64, description="Pixels between images."), WHOLE] = 0
    background: Background | None = None


class GenerateQuery(GridQuery):
    """Parameters of a grid of images."""

    n: Annotated[int, Field(ge=1, le=MAX_IMAGES, description="How many images."), WHOLE] = 1
    seed: ASeed | None = None
    seeds: Points | None = None
    labels: Labels | None = None
    format: Still | None = Field(default=None, description="If left out, the ending of the path or `Accept` decides.")

    @model_validator(mode="after")
    def _seeds_are_given_once(self) -> Self:
        given = self.model_fields_set
        if self.seeds is not None and {"n", "seed"} & given:
            raise ValueError("give either seeds (or latents), or n and seed")
        if self.labels is not None and self.label is not None:
            raise ValueError("give either label or labels")
        if self.labels is not None and len(self.labels) != (self.n if self.seeds is None else len(self.seeds)):
            raise ValueError(f"labels are {len(self.labels)}; one is needed for each image")
        return self


class VariationsQuery(GridQuery):
    """Parameters of neighbours of an image."""

    seed: ASeed | None = None
    n: Annotated[int, Field(ge=1, le=MAX_IMAGES, description="How many images."), WHOLE] = 1
    distance: Annotated[
        float,
        Field(
            ge=0, le=2, description="From the latent, in its lengths; at √2 nothing of it is left.", allow_inf_nan=False
        ),
        NUMBER,
    ] = 0.5
    noise: Annotated[int, Field(ge=0, lt=2**32), WHOLE] | None = Field(
        default=None,
        description="The seed of the first direction; image i has noise + i. Random if left out.",
    )
    format: Still | None = None


class MixQuery(ImageQuery):
    """Parameters of a sum of latents."""

    seeds: KeyPoints
    weights: Weights | None = None
    rescale: Switch = Field(default=True, description="Make the sum as long as latents are.")
    format: Still | None = None

    @model_validator(mode="after")
    def _each_has_its_weight(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.seeds):
            raise ValueError(f"weights are {len(self.weights)}, seeds are {len(self.seeds)}; each needs its own")
        return self


class InterpolateQuery(GridQuery):
    """Parameters of a walk between images."""

    seeds: KeyPoints | None = None
    frames: Annotated[
        int,
        Field(ge=2, le=MAX_FRAMES, description=f"Of a segment, with both its ends; {MAX_FRAMES} at most in all."),
        WHOLE,
    ] = 16
    mode: PathMode = Field(default="slerp", description="The arc, or the straight line, between two latents.")
    easing: Easing = Field(default="linear", description="How each segment is walked.")
    loop: Switch = Field(default=False, description="Come back to the first seed.")
    fps: Annotated[int, Field(ge=FPS_MIN, le=FPS_MAX, description="Frames a second of an animation."), WHOLE] = 12
    t: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), NUMBER] | None = Field(
        default=None, description="One image, so far along the walk, instead of all."
    )
    shape: Shape | None = None
    format: Walk | None = None

    @model_validator(mode="after")
    def _it_is_one_thing(self) -> Self:
        keys = 2 if self.seeds is None else len(self.seeds)
        if self.shape is not None and keys != 4:
            raise ValueError("a shape lies between four seeds, its corners")
        if self.shape is not None and (self.t is not None or self.loop):
            raise ValueError("a shape has no t and no loop")
        if self.t is None and self.shape is None and self.frames_in_all > MAX_FRAMES:
            raise ValueError(
                f"the walk has {self.frames_in_all} frames; at most {MAX_FRAMES} are drawn: give fewer frames"
            )
        return self

    @property
    def frames_in_all(self) -> int:
        """Frames of the whole walk."""
        return frames_of_walk(2 if self.seeds is None else len(self.seeds), self.frames, self.loop)

    @property
    def is_still(self) -> bool:
        """Whether the answer is one picture and no walk."""
        return self.t is not None or self.shape is not None
