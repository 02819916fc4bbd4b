"""Numbers, times and names as people read them."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

SECONDS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NAMES: Final = {
    "n_critic": "Critic steps for one of the generator",
    "beta_1": "β₁, decay of the mean",
    "beta_2": "β₂, decay of the mean square",
    "rho": "ρ, decay of the mean square",
    "latent_dim": "Numbers in a latent",
    "ema_half_life": "Half-life of the averaged weights",
    "decay_from": "Learning rates fall from",
    "minibatch_stddev": "Images whose spread the critic sees",
    "batch_size": "Images in a batch",
    "width": "Width, channels",
    "clip": "Bound of every weight",
    "flip": "Mirrored at random",
    "images": "Images to see",
    "every": "Steps between two penalties",
    "channels": "Colour channels",
    "resolution": "Resolution",
    "holdout": "Held out of the data",
}
"""Settings whose name says too little; the others are read as they stand."""
UNITS: Final = {"ema_half_life": "images", "resolution": "px"}
PARTS: Final = {"decay_from": "of the run", "holdout": "of the images"}
"""Settings that are a part of something, 0 … 1."""


def count(number: float) -> str:
    """1234567 → "1,234,567"."""
    return f"{number:,.0f}"


def short(number: float) -> str:
    """A tick of an axis: 250000 → "250k", 1.5e6 → "1.5M", 0.0002 → "0.0002"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.6g}{letter}".replace("-", "−")
    if number and abs(number) < 1e-4:
        mantissa, exponent = f"{number:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return f"{number:.6g}".replace("-", "−")


def tick_labels(values: Sequence[float]) -> list[str]:
    """The ticks of one axis, all written alike: with powers of ten where the largest is below a thousandth."""
    if 0 < max(map(abs, values), default=0.0) < 1e-3:
        split = [f"{value:.3e}".split("e") for value in values]
        return [f"{float(m):g}e{int(e)}".replace("-", "−") if float(m) else "0" for m, e in split]
    return [short(value) for value in values]


def rough(number: float) -> str:
    """As `short`, with three figures: 20928 → "20.9k"."""
    return short(float(f"{number:.3g}"))


def figure(number: float) -> str:
    """A value with three or four figures: 0.79347 → "0.793", 1234.5 → "1,234"."""
    if number == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(number)))
    if digits > 6:
        return short(float(f"{number:.3g}"))
    return f"{number:,.{max(0, digits)}f}".replace("-", "−")


def duration(seconds: float) -> str:
    """Two units at most, and one where it says enough: 3905 → "1 h 5 min", 1129 → "18 min", 42.3 → "42 s"."""
    left = round(seconds)
    for (size, unit), (smaller, small_unit) in pairwise(SECONDS):
        if left >= size:
            whole, rest = divmod(left, size)
            return f"{whole} {unit}" + (f" {rest // smaller} {small_unit}" if rest >= smaller and whole < 10 else "")
    return f"{left} s"


def label(name: str) -> str:
    """A setting's or series' name in words: "score_real" → "Score real"."""
    return NAMES.get(name) or name.replace("_", " ").replace("-", " ").capitalize()


def setting(name: str, value: object) -> str:
    """A setting's value with its unit: yes and no for switches, "50 % of the run" for parts; "" for nothing."""
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(setting("", item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and name in PARTS:
        return "never" if value == 1 else f"{100 * value:.3g} % {PARTS[name]}"
    if isinstance(value, int | float):
        text = count(value) if isinstance(value, int) else short(value)
        return f"{text} {UNITS[name]}" if name in UNITS else text
    return str(value)
