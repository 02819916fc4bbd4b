"""Warm-up: which batch sizes may be used on this machine, and what each costs."""

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bundle.latents import latents_of
from service.engine.protocol import BadImages, BatchSize, Do, Draw, EngineError, Latents
from service.engine.tails import LANES, padding

logger = logging.getLogger("figment.engine")

REPEATS: Final = 3
"""Timed runs of each size after the first, which compiles; the fastest counts."""
CHECKED: Final = 16
"""Rows that each size draws at least, to be compared with the others'."""


@dataclass(frozen=True)
class Variant:
    """One way to run a generator: its name, its pixels, and what is compared of them.

    `bits` are the numbers before they are rounded, where they can be had, else the pixels.
    """

    name: str
    draw: Draw
    bits: Draw


class Warmed(NamedTuple):
    """The batch sizes that are used, ascending, each with its fastest way; and what all of them draw, as a digest.

    Two services with the same `fingerprint` of a bundle draw the same pixels; a processor, a setting or a precision
    that sums in another order has another.
    """

    sizes: tuple[tuple[BatchSize, Variant], ...]
    fingerprint: str


Key = tuple[int, int]
"""A size, and the place of a variant."""


def warm_up(variants: Sequence[Variant], latent_dim: int, max_batch: int, do: Do, width: int | None = None) -> Warmed:
    """Find powers of two up to `max_batch` that draw the same of a latent to the last bit, and time them.

    Matrix libraries choose another kernel, and so another order of summation, for some sizes. Sizes that agree make a
    set; the one with most sizes is used, of several the one with the largest batch, then the one of the first variant.
    Times decide only between variants that draw the same. So a seed's pixels do not depend on the load, and are the
    same after a restart on the same machine.

    Args:
        variants: ways to run it; one behind the first that fails is left out.
        latent_dim: numbers of a latent.
        max_batch: rows.
        do: makes each run.
        width: `tails.narrowest` of the graph; sizes whose last rows may be drawn otherwise keep those for padding.

    Raises:
        BadImages: the generator draws the same image for different latents, or different ones for the same.
        EngineError: it fails.
    """

    def timed(function: Draw, rows: Latents) -> tuple[NDArray[Any], float]:
        def run() -> tuple[NDArray[Any], float]:
            begin = time.perf_counter()
            return function(rows), time.perf_counter() - begin

        return do(run)

    def padded(rows: Latents, size: int) -> Latents:
        return np.concatenate([rows, np.zeros((size - len(rows), latent_dim), np.float32)])

    def drawn(bits: Draw, size: int) -> NDArray[Any]:
        step = room[size]
        parts = [latents[i : i + step] for i in range(0, max(step, CHECKED), step)]
        rows = np.concatenate([timed(bits, padded(part, size))[0][: len(part)] for part in parts])
        if (rows == rows[0]).all():
            raise BadImages("it draws the same image for every latent")
        again = latents[:step]
        if not np.array_equal(timed(bits, padded(again, size))[0][: len(again)], rows[: len(again)]):
            raise BadImages("it draws another image for the same latent")
        return rows

    def timed_sizes(keys: list[Key]) -> tuple[tuple[BatchSize, Variant], ...]:
        found: dict[int, tuple[BatchSize, Variant]] = {}
        for size, place in keys:
            timed(variants[place].draw, latents[:size])
        # All sizes take turns, so that a busy moment does not make one of them look worse than the others for good.
        rounds = [[timed(variants[place].draw, latents[:size])[1] for size, place in keys] for _ in range(REPEATS)]
        for (size, place), seconds in zip(keys, map(min, *rounds), strict=True):
            if size not in found or seconds < found[size][0].seconds:
                found[size] = BatchSize(room[size], seconds, size - room[size]), variants[place]
        return tuple(found[size] for size in sorted(found))

    powers = [1 << i for i in range(max_batch.bit_length())]
    room = {size: left for size in powers if (left := size - padding(size, width)) > 0}
    if not room:
        needed = next(1 << i for i in range(LANES) if (1 << i) > padding(1 << i, width))
        raise EngineError(f"its batches must have {needed} rows or more: FIGMENT_MAX_BATCH is {max_batch}")
    latents = latents_of(range(max(CHECKED, powers[-1])), latent_dim)
    seen: dict[Key, NDArray[Any]] = {}
    for place, variant in enumerate(variants):
        try:
            seen |= {(size, place): drawn(variant.bits, size) for size in room}
        except EngineError as error:
            if not place:
                raise
            logger.warning("not by %s: %s", variant.name, error)
    keys = largest_set(seen)
    drawn_first = np.ascontiguousarray(seen[keys[0]][:CHECKED])
    return Warmed(timed_sizes(keys), hashlib.blake2b(drawn_first.tobytes(), digest_size=8).hexdigest())


def largest_set(seen: dict[Key, NDArray[Any]]) -> list[Key]:
    """Of what each size drew of the same latents, the set that agrees: the best by `warm_up`'s order."""
    sets: list[list[Key]] = []  # each begins with its largest size, which drew the most rows
    for key in sorted(seen, reverse=True):
        same = next((one for one in sets if _agree(seen[one[0]], seen[key])), None)
        if same is None:
            sets.append([key])
        else:
            same.append(key)

    def score(one: list[Key]) -> tuple[int, int, int]:
        sizes = {size for size, _ in one}
        return len(sizes), max(sizes), -min(place for _, place in one)

    return max(sets, key=score)


def _agree(one: NDArray[Any], other: NDArray[Any]) -> bool:
    rows = min(len(one), len(other))
    return bool(np.array_equal(one[:rows], other[:rows]))
