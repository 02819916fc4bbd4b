"""Running a foreign generator, to find the layout, range and size of its images, and whether it is one at all."""

from typing import Any, get_args

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bundle.latents import latents_of
from training.importing.finding import Choices
from training.importing.opening import first_line
from training.importing.questions import Ask, Question, Refused
from training.importing.wrapping import Caller, Layout, Range, Reading

PROBES, BATCH = 256, 32
"""Latents that are tried, of the seeds 0 … 255, and how many at a time."""
SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Batch sizes that must work: the service runs powers of two."""
CHANNELS = (1, 3, 4)
MAX_SIDE = 4096
SLACK = 1e-3
"""How far rounding may carry a value out of its range."""
SAME = 2 / 255
"""How far, as a share of the range of all values, two images of one latent may be apart."""


def probe(caller: Caller, latent_dim: int, choices: Choices, ask: Ask) -> Reading:
    """Run the generator on 256 latents and read its images.

    Raises:
        Refused: it draws no images, or they are not a function of the latent alone.
    """
    latents = latents_of(range(PROBES), latent_dim)
    outputs = _outputs(caller, latents)
    _check_varies(outputs)
    _check_sizes(caller, latents)
    _check_function(caller, latents, outputs)
    layout = _layout(outputs.shape[1:], choices, ask)
    height, width, channels = outputs.shape[1:] if layout == "nhwc" else (*outputs.shape[2:], outputs.shape[1])
    return Reading(layout, _range(outputs, choices, ask), (height, width, channels))


def run(caller: Caller, latents: NDArray[np.float32]) -> NDArray[Any]:
    """The foreign output of some latents, as it is.

    Raises:
        Refused: TensorFlow cannot run it.
    """
    try:
        output: NDArray[Any] = caller(tf.constant(latents)).numpy()
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise Refused(f"it cannot be run on {len(latents)} latents: {first_line(error)}") from error
    return output


def _outputs(caller: Caller, latents: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [run(caller, latents[i : i + BATCH]) for i in range(0, len(latents), BATCH)]
    if len(shapes := sorted({part.shape[1:] for part in parts})) > 1:
        raise Refused(f"the size of its images changes with the latents: {shapes[0]} and {shapes[1]}")
    if parts[0].ndim != 4:
        raise Refused(
            f"its output is {list(parts[0].shape)}: images are [n, height, width, channels] or "
            "[n, channels, height, width]"
        )
    if not all(parts[0].shape[1:]):
        raise Refused(f"its output is {list(parts[0].shape)}: images without pixels")
    if len(parts[0]) != BATCH:
        raise Refused(f"{BATCH} latents give {len(parts[0])} images")
    outputs = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(outputs).all():
        raise Refused("its output is not finite: some values are infinite or not a number")
    return outputs


def _check_varies(outputs: NDArray[np.float32]) -> None:
    if outputs.min() == outputs.max():
        raise Refused(f"its output is {outputs.min():g} everywhere, for every latent")
    if (np.abs(outputs - outputs[0]) <= SAME * _span(outputs) / 4).all():
        raise Refused("it draws the same image for every latent")


def _check_function(caller: Caller, latents: NDArray[np.float32], outputs: NDArray[np.float32]) -> None:
    """An image must follow from its latent: the same again, and the same alone as in a batch."""
    limit = SAME * _span(outputs)
    if np.abs(run(caller, latents[:BATCH]).astype(np.float32) - outputs[:BATCH]).max() > limit:
        raise Refused(
            "it draws another image for the same latent each time: there is random noise inside, and a seed would not "
            "name an image; save it with the noise fixed or off"
        )
    alone = np.concatenate([run(caller, latents[i : i + 1]) for i in range(4)]).astype(np.float32)
    if np.abs(alone - outputs[:4]).max() > limit:
        raise Refused(
            "the image of a latent depends on the other latents of its batch: batch normalisation was saved as in "
            "training; save the generator as it is called with training=False"
        )


def _check_sizes(caller: Caller, latents: NDArray[np.float32]) -> None:
    for rows in SIZES:
        if (found := len(run(caller, latents[:rows]))) != rows:
            raise Refused(f"{rows} latents give {found} images")


def _layout(shape: tuple[int, ...], choices: Choices, ask: Ask) -> Layout:
    last, first = shape[2] in CHANNELS, shape[0] in CHANNELS
    layouts: tuple[Layout, ...] = tuple(name for name, fits in (("nhwc", last), ("nchw", first)) if fits)  # type: ignore[misc]
    told = f"one image is {list(shape)}"
    if not layouts:
        raise Refused(f"{told}: neither its first nor its last side is a number of channels: 1, 3 or 4")
    layout = _chosen("--layout", choices.layout, layouts, f"{told}: either side could be the channels", ask)
    if max(height_width := shape[:2] if layout == "nhwc" else shape[1:]) > MAX_SIDE:
        raise Refused(f"an image of {list(height_width)} px is larger than {MAX_SIDE}")
    return layout  # type: ignore[return-value]


def _range(outputs: NDArray[np.float32], choices: Choices, ask: Ask) -> Range:
    low, high = float(outputs.min()), float(outputs.max())
    told = f"the values of {PROBES} images lie in [{low:.4g}, {high:.4g}]"
    guess = likely_range(low, high)
    if choices.range is None and guess is not None:
        return guess
    return _chosen("--range", choices.range, get_args(Range), f"{told}, which no range fits well", ask)  # type: ignore[return-value]


def likely_range(low: float, high: float) -> Range | None:
    """The range that the smallest and largest value of many images speak for; None if none is likely.

    Real images hold dark and bright pixels, so a range is taken when it holds all values and they come near to both
    ends.
    """
    if -1 - SLACK <= low < -0.2 and 0.2 < high <= 1 + SLACK:
        return "-1..1"
    if -SLACK <= low < 0.2 and 0.6 < high <= 1 + SLACK:
        return "0..1"
    if -SLACK * 255 <= low < 50 and 150 < high <= 255 * (1 + SLACK):
        return "0..255"
    return None


def _chosen(flag: str, said: str | None, answers: tuple[str, ...], text: str, ask: Ask) -> str:
    if said is None:
        said = answers[0] if len(answers) == 1 else ask(Question(text, flag, answers))
    if said not in answers:
        raise Refused(f"{flag} {said} cannot be: {text.split(':')[0]}; {' or '.join(answers)} can")
    return said


def _span(outputs: NDArray[np.float32]) -> float:
    return float(outputs.max() - outputs.min())
