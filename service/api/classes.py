"""Classes of a conditional generator in a request and its answer: `label`, and the class of each seed."""

from bundle.classes import class_of, with_class
from bundle.latents import Latents
from bundle.manifest import Manifest
from service.api.problems import InvalidParameters, ParameterError, echo

MAX_LISTED = 20
"""Names of classes that an error lists."""
MAX_DIGITS = 20
"""Digits that are read as an index; more are none, whatever the model."""


def find_label(manifest: Manifest, text: str | None) -> int | None:
    """The class that a request asks for: 0 … K−1, or None for that of each seed.

    Args:
        manifest: of the model that is asked.
        text: a class's name, or else its index; a number that is a class's name is that class.

    Raises:
        InvalidParameters: the model has no such class, or none at all.
    """
    names = manifest.class_names
    if text is None:
        return None
    if text in names:
        return names.index(text)
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS and int(text) < len(names):
        return int(text)
    raise InvalidParameters(ParameterError(parameter="label", message=_complaint(manifest), got=echo(text)))


def choose(latents: Latents, manifest: Manifest, label: int | None) -> Latents:
    """The latents, so that they draw class `label`; as they are, if it is None."""
    return latents if label is None else with_class(latents, label, manifest.class_shares)


def labels_drawn(latents: Latents, manifest: Manifest, label: int | None) -> list[int]:
    """The class that each latent draws, 0 … K−1, where `label` was asked for; empty if the model has no classes."""
    if label is not None:
        return [label] * len(latents)
    if not manifest.class_shares:
        return []
    labels: list[int] = class_of(latents, manifest.class_shares).tolist()
    return labels


def label_asked(manifest: Manifest, label: int | None) -> dict[str, str]:
    """The parameter that asks for a class again: by its name."""
    return {} if label is None else {"label": manifest.class_names[label]}


def _complaint(manifest: Manifest) -> str:
    names = manifest.class_names
    if not names:
        return f"{manifest.name} has no classes; leave it out"
    listed = ", ".join(names[:MAX_LISTED])
    more = f" and {len(names) - MAX_LISTED} more, see /models" if len(names) > MAX_LISTED else ""
    last = len(names) - 1
    return f"unknown label; the {len(names)} classes of {manifest.name} are: {listed}{more}; or an index, 0 … {last}"
