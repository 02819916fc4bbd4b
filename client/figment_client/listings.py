"""What `GET /models` tells: the models there are, and the bundles that were skipped."""

from __future__ import annotations

from dataclasses import dataclass

from .members import items, member, members, strings, wholes


@dataclass(frozen=True)
class ModelInfo:
    """
    A model that is served.

    `version` is the one that answers where none is named, from 1; `versions` are those that can be named, the
    newest first. `latent_dim` is the length of a latent. `image_shape` is (height, width, channels) in pixels.
    `seed_scheme` names how a seed becomes a latent. `class_names` are the classes that `label` can choose, none if
    the generator is not conditional. `digest` identifies the bundle's content. `license` and `attribution` are
    those of the images it was trained on. `default` is true for the one that answers where no model is named.
    `batch_sizes` are the sizes the engine runs, in images.
    """

    name: str
    version: int
    versions: tuple[int, ...]
    latent_dim: int
    image_shape: tuple[int, int, int]
    seed_scheme: str
    class_names: tuple[str, ...]
    digest: str
    license: str
    attribution: str
    default: bool
    batch_sizes: tuple[int, ...]


@dataclass(frozen=True)
class SkippedBundle:
    """A folder of the store that is not served, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ModelListing:
    """The models in the server's order, and what was skipped."""

    models: tuple[ModelInfo, ...]
    skipped: tuple[SkippedBundle, ...] = ()

    @property
    def default(self) -> ModelInfo | None:
        """The model that answers where none is named, or None where none is served."""
        return next((model for model in self.models if model.default), None)


def listing_from_json(document: object) -> ModelListing:
    """
    The listing of a decoded `GET /models` answer; members it does not know are ignored.

    Raises ValueError naming the member that is missing or of another type than it should be.
    """
    top = members(document, "the answer")
    models = tuple(_model(entry) for entry in items(top, "models"))
    skipped = tuple(_skipped(entry) for entry in items(top, "skipped"))
    return ModelListing(models, skipped)


def _model(entry: object) -> ModelInfo:
    model = members(entry, "a model")
    height, width, channels = _three(wholes(model, "image_shape"))
    return ModelInfo(
        name=member(model, "name", str),
        version=member(model, "version", int),
        versions=wholes(model, "versions"),
        latent_dim=member(model, "latent_dim", int),
        image_shape=(height, width, channels),
        seed_scheme=member(model, "seed_scheme", str),
        class_names=strings(model, "class_names"),
        digest=member(model, "digest", str),
        license=member(model, "license", str),
        attribution=member(model, "attribution", str),
        default=member(model, "default", bool),
        batch_sizes=wholes(model, "batch_sizes"),
    )


def _skipped(entry: object) -> SkippedBundle:
    bundle = members(entry, "a skipped bundle")
    return SkippedBundle(member(bundle, "path", str), member(bundle, "reason", str))


def _three(values: tuple[int, ...]) -> tuple[int, int, int]:
    if len(values) != 3:
        raise ValueError(f"'image_shape' is {list(values)}, not height, width and channels")
    return values[0], values[1], values[2]
