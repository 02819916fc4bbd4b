"""Classes of a conditional generator in a request and its answer: `label`, and the class of each seed."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from bundle.classes import class_of, with_class
from bundle.latents import Latents
from bundle.manifest import Manifest
from service.api.problems import InvalidParameters, ParameterError, echo

MAX_LISTED = 20
"""Names of classes that an error lists."""
MAX_DIGITS = 20
"""Digits that are read as an index; more are none, whatever the model."""


def find_label(manifest: Manifest, text: str | None, parameter: str = "label") -> int | None:
    """The class that a request asks for: 0 … K−1, or None for that of each seed.

    Args:
        manifest: of the model that is asked.
        text: a class's name, or else its index; a number that is a class's name is that class.
        parameter: whose it is.

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
    raise InvalidParameters(ParameterError(parameter=parameter, message=_complaint(manifest), got=echo(text)))


def find_labels(manifest: Manifest, label: str | None, labels: Sequence[str] | None, n: int) -> list[int] | None:
    """The class of each of n images that a request asks for, by one `label` for all or by `labels`; None for their own.

    Raises:
        InvalidParameters: as of `find_label`.
    """
    if labels is not None:
        return [found for text in labels if (found := find_label(manifest, text, "labels")) is not None]
    found = find_label(manifest, label)
    return None if found is None else [found] * n


def choose(latents: Latents, manifest: Manifest, labels: Sequence[int] | None) -> Latents:
    """The latents, so that they draw those classes; as they are, if there are none."""
    if labels is None:
        return latents
    rows = [with_class(latents[i : i + 1], label, manifest.class_shares) for i, label in enumerate(labels)]
    return np.concatenate(rows)


def labels_drawn(latents: Latents, manifest: Manifest) -> list[int]:
    """The class that each latent draws, 0 … K−1; empty if the model has no classes."""
    labels: list[int] = class_of(latents, manifest.class_shares).tolist() if manifest.class_shares else []
    return labels


def labels_asked(manifest: Manifest, label: str | None, labels: Sequence[int] | None) -> dict[str, object]:
    """The parameters that ask for classes again, by their names; several as a line of CSV."""
    if labels is None:
        return {}
    if label is not None:
        return {"label": manifest.class_names[labels[0]]}
    row = io.StringIO()
    csv.writer(row, quoting=csv.QUOTE_MINIMAL).writerow(manifest.class_names[each] for each in labels)
    return {"labels": row.getvalue().rstrip("\r\n")}


def _complaint(manifest: Manifest) -> str:
    names = manifest.class_names
    if not names:
        return f"{manifest.name} has no classes; leave it out"
    listed = ", ".join(names[:MAX_LISTED])
    more = f" and {len(names) - MAX_LISTED} more, see /models" if len(names) > MAX_LISTED else ""
    last = len(names) - 1
    return f"unknown label; the {len(names)} classes of {manifest.name} are: {listed}{more}; or an index, 0 … {last}"
