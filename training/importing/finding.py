"""Finding latents and images in a foreign signature."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.importing.opening import Foreign
from training.importing.questions import Ask, Question, Refused

OFF = re.compile(r"train|phase|dropout|noise", re.IGNORECASE)
"""Inputs of one number that are 0 or false when images are drawn."""
FULL = re.compile(r"trunc|psi", re.IGNORECASE)
"""Inputs of one number that are 1: no truncation, as the service truncates latents itself."""


@dataclass(frozen=True)
class Choices:
    """What the person said; None, or an empty mapping, for what is to be found."""

    signature: str | None = None
    input: str | None = None
    output: str | None = None
    latent_dim: int | None = None
    layout: str | None = None
    range: str | None = None
    fixed: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Signature:
    """A foreign signature, understood.

    `latent_shape` is that of one latent as the graph takes it ([128], or [1, 1, 128]); `batch` the fixed
    batch size, None where it is free; `fixed` the values of the other inputs.
    """

    name: str
    function: Any
    input: str
    output: str
    dtype: tf.DType
    latent_shape: tuple[int, ...]
    batch: int | None
    fixed: dict[str, NDArray[Any]]

    @property
    def latent_dim(self) -> int:
        """Numbers a latent."""
        return math.prod(self.latent_shape)


def find(foreign: Foreign, choices: Choices, ask: Ask) -> Signature:
    """Find the signature, the latents among its inputs and the images among its outputs.

    Raises:
        Refused: there is nothing in it that a generator needs, or a choice names what is not there.
    """
    name = _one_of("signature", sorted(foreign.signatures), choices.signature, "serving_default", ask)
    function = foreign.signatures[name]
    inputs: dict[str, tf.TensorSpec] = dict(sorted(function.structured_input_signature[1].items()))
    outputs: dict[str, tf.TensorSpec] = dict(sorted(function.structured_outputs.items()))
    latents = _latents(name, inputs, choices, ask)
    spec = inputs[latents]
    _check_latents(latents, spec)
    shape = _latent_shape(latents, spec, choices, ask)
    batch = None if spec.shape.rank is None else spec.shape[0]
    fixed = _fixed({key: value for key, value in inputs.items() if key != latents}, choices, ask)
    return Signature(name, function, latents, _images(name, outputs, choices, ask), spec.dtype, shape, batch, fixed)


def _latents(name: str, inputs: dict[str, tf.TensorSpec], choices: Choices, ask: Ask) -> str:
    if not inputs:
        raise Refused(f"the signature {name!r} takes nothing: a generator takes latents")
    floats = [key for key, spec in inputs.items() if spec.dtype.is_floating and spec.shape.rank != 0]
    given = set(choices.fixed or ())
    candidates = [key for key in floats if key not in given]
    if not candidates and choices.input is None:
        raise Refused(f"the signature {name!r} takes {_listed(inputs)}: no latents, which are floating-point numbers")
    return _one_of("input", candidates or list(inputs), choices.input, None, ask, inputs)


def _check_latents(name: str, spec: tf.TensorSpec) -> None:
    if not spec.dtype.is_floating:
        raise Refused(f"{name!r} takes {spec.dtype.name}: latents are floating-point numbers")


def _latent_shape(name: str, spec: tf.TensorSpec, choices: Choices, ask: Ask) -> tuple[int, ...]:
    sides: list[Any] = [None] if spec.shape.rank is None else spec.shape.as_list()[1:]
    if not sides:
        raise Refused(f"{name!r} is {_told(spec)}: a latent is a row of numbers, [n, latent_dim]")
    if len(sides) > 1 and None in sides:
        raise Refused(f"{name!r} is {_told(spec)}: the size of its images depends on the size of its input")
    if sides == [None]:
        text = f"how many numbers a latent has is not in the file: {name!r} is {_told(spec)}"
        return (choices.latent_dim or _whole(ask(Question(text, "--latent-dim"))),)
    found = math.prod(sides)
    if choices.latent_dim not in (None, found):
        raise Refused(f"--latent-dim {choices.latent_dim}, but {name!r} is {_told(spec)}: {found} numbers")
    return tuple(sides)


def _images(name: str, outputs: dict[str, tf.TensorSpec], choices: Choices, ask: Ask) -> str:
    could_be = [key for key, spec in outputs.items() if spec.shape.rank in (None, 4) and not spec.dtype.is_bool]
    if not could_be and choices.output is None:
        raise Refused(
            f"the signature {name!r} gives {_listed(outputs)}: no images, which are [n, height, width, channels] or "
            "[n, channels, height, width]; a classifier or an encoder is no generator"
        )
    chosen = _one_of("output", could_be, choices.output, None, ask, outputs)
    dtype = outputs[chosen].dtype
    if not (dtype.is_floating or dtype == tf.uint8):
        raise Refused(f"{chosen!r} is {dtype.name}: images are floating-point numbers or uint8")
    return chosen


def _fixed(inputs: dict[str, tf.TensorSpec], choices: Choices, ask: Ask) -> dict[str, NDArray[Any]]:
    given = dict(choices.fixed or {})
    if unknown := sorted(given.keys() - inputs.keys()):
        raise Refused(f"--fix {unknown[0]}: beside the latents there is {_listed(inputs) or 'no input'}")
    return {name: _value(name, spec, given.get(name), ask) for name, spec in inputs.items()}


def _value(name: str, spec: tf.TensorSpec, given: str | None, ask: Ask) -> NDArray[Any]:
    shape = [] if spec.shape.rank is None else spec.shape.as_list()
    if given is None and not shape and (OFF.search(name) or FULL.search(name)):
        given = "1" if FULL.search(name) else "0"
    if given is None:
        text = f"beside the latents it takes {name!r}, {_told(spec)}, which must have one value for all images"
        given = ask(Question(text, f"--fix {name}=VALUE"))
    words = [{"true": "1", "false": "0"}.get(word.strip().lower(), word) for word in given.split(",")]
    try:
        value = np.array([float(word) for word in words])
        if not np.isfinite(value).all() or not (spec.dtype.is_floating or (value == np.round(value)).all()):
            raise ValueError("a finite number is needed, and a whole one where the input is whole")
        if spec.dtype.is_integer and not ((spec.dtype.min <= value) & (value <= spec.dtype.max)).all():
            raise ValueError("out of range")
        return np.broadcast_to(value if len(shape) > 1 else value.reshape(()), shape[1:]).astype(
            spec.dtype.as_numpy_dtype
        )
    except (ValueError, TypeError) as error:
        raise Refused(
            f"--fix {name}={given}: {name!r} is {_told(spec)}, so it takes one number, or one for each of the values "
            "of a row, separated by commas"
        ) from error


def _one_of(
    what: str,
    names: list[str],
    chosen: str | None,
    usual: str | None,
    ask: Ask,
    specs: Mapping[str, tf.TensorSpec] | None = None,
) -> str:
    everything = list(specs) if specs is not None else names
    if chosen is None:
        if usual in names or len(names) == 1:
            return str(usual if usual in names else names[0])
        listed = _listed({name: specs[name] for name in names}) if specs is not None else ", ".join(names)
        chosen = ask(Question(f"there are several that could be the {what}: {listed}", f"--{what}", tuple(names)))
    if chosen not in everything:
        raise Refused(f"there is no {what} {chosen!r}; there is {', '.join(everything)}")
    return chosen


def _whole(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65536):
        raise Refused(f"{text!r} is no size of a latent: a whole number 1 … 65536")
    return int(text)


def _listed(specs: Mapping[str, tf.TensorSpec]) -> str:
    return ", ".join(f"{name!r} ({_told(spec)})" for name, spec in specs.items())


def _told(spec: tf.TensorSpec) -> str:
    """A tensor's type and shape for a person: "float32 [n, 128]"."""
    if spec.shape.rank is None:
        return f"{spec.dtype.name} of unknown shape"
    sides = [
        "n" if i == 0 and side is None else "?" if side is None else str(side) for i, side in enumerate(spec.shape)
    ]
    return f"{spec.dtype.name} [{', '.join(sides)}]" if sides else f"one {spec.dtype.name}"
