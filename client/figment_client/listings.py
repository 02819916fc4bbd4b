"""What `GET /models` tells: the models there are, and the bundles that were skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value", str, int, bool)


@dataclass(frozen=True)
class ModelInfo:
    """
    A model that is served.

    `version` is the bundle's, from 1. `latent_dim` is the length of a latent. `image_shape` is (height,
    width, channels) in pixels. `seed_scheme` names how a seed becomes a latent. `class_names` are the classes that
    `label` can choose, none if the generator is not conditional. `digest` identifies the bundle's content. `license`
    and `attribution` are those of the images it was trained on. `default` is true for the one that answers where no
    model is named. `batch_sizes` are the sizes the engine runs, in images.
    """

    name: str
    version: int
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
    top = _members(document, "the answer")
    models = tuple(_model(entry) for entry in _items(top, "models"))
    skipped = tuple(_skipped(entry) for entry in _items(top, "skipped"))
    return ModelListing(models, skipped)


def _model(entry: object) -> ModelInfo:
    members = _members(entry, "a model")
    height, width, channels = _three(_wholes(members, "image_shape"))
    return ModelInfo(
        name=_member(members, "name", str),
        version=_member(members, "version", int),
        latent_dim=_member(members, "latent_dim", int),
        image_shape=(height, width, channels),
        seed_scheme=_member(members, "seed_scheme", str),
        class_names=_strings(members, "class_names"),
        digest=_member(members, "digest", str),
        license=_member(members, "license", str),
        attribution=_member(members, "attribution", str),
        default=_member(members, "default", bool),
        batch_sizes=_wholes(members, "batch_sizes"),
    )


def _skipped(entry: object) -> SkippedBundle:
    members = _members(entry, "a skipped bundle")
    return SkippedBundle(_member(members, "path", str), _member(members, "reason", str))


def _members(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object but {_short(value)}")
    return value


def _member(members: Mapping[str, object], name: str, kind: type[Value]) -> Value:
    value = _present(members, name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} is {_short(value)}, not of type {kind.__name__}")
    return value


def _items(members: Mapping[str, object], name: str) -> list[object]:
    value = _present(members, name)
    if not isinstance(value, list):
        raise ValueError(f"{name!r} is {_short(value)}, not a list")
    return value


def _present(members: Mapping[str, object], name: str) -> object:
    if name not in members:
        raise ValueError(f"{name!r} is missing")
    return members[name]


def _wholes(members: Mapping[str, object], name: str) -> tuple[int, ...]:
    values = _items(members, name)
    wholes = tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
    if len(wholes) != len(values):
        raise ValueError(f"{name!r} is {_short(values)}, not whole numbers")
    return wholes


def _strings(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = _items(members, name)
    strings = tuple(value for value in values if isinstance(value, str))
    if len(strings) != len(values):
        raise ValueError(f"{name!r} is {_short(values)}, not strings")
    return strings


def _three(values: tuple[int, ...]) -> tuple[int, int, int]:
    if len(values) != 3:
        raise ValueError(f"'image_shape' is {list(values)}, not height, width and channels")
    return values[0], values[1], values[2]


def _short(value: object) -> str:
    return repr(value)[:40]
