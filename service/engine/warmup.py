"""Warm-up: which batch sizes may be used on this machine, and what each costs."""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bundle.latents import latents_of
from service.engine.protocol import BatchSize, Do, EngineError, Latents, Pixels
from service.engine.tails import LANES, padding

REPEATS: Final = 2
"""Timed runs of each size after the first, which compiles; the faster counts."""
CHECKED: Final = 16
"""Rows that each size draws at least, to be compared with the others'."""

Bits = Callable[[Latents], NDArray[Any]]
"""What is compared of latents: [n, …]."""


def warm_up(
    draw: Callable[[Latents], Pixels], bits: Bits, latent_dim: int, max_batch: int, do: Do, width: int | None = None
) -> tuple[BatchSize, ...]:
    """Find powers of two up to `max_batch` that draw the same of a latent to the last bit, and time them.

    Matrix libraries choose another kernel, and so another order of summation, for some sizes. Sizes that agree make a
    set; the largest set is used, and of two as large the one with the larger batch. So a seed's pixels do not depend
    on the load, and are the same after a restart on the same machine.

    Args:
        draw: the pixels of latents; its times are taken.
        bits: what is compared: the numbers before they are rounded, where they can be had, else the pixels.
        latent_dim: numbers of a latent.
        max_batch: rows.
        do: makes each run.
        width: `tails.narrowest` of the graph; sizes whose last rows may be drawn otherwise keep those for padding.

    Raises:
        EngineError: the generator draws the same image for different latents, or different ones for the same.
    """

    def timed(function: Callable[[Latents], NDArray[Any]], rows: Latents) -> tuple[NDArray[Any], float]:
        def run() -> tuple[NDArray[Any], float]:
            begin = time.perf_counter()
            return function(rows), time.perf_counter() - begin

        return do(run)

    def padded(rows: Latents, size: int) -> Latents:
        return np.concatenate([rows, np.zeros((size - len(rows), latent_dim), np.float32)])

    def drawn(size: int) -> NDArray[Any]:
        step = room[size]
        parts = [latents[i : i + step] for i in range(0, max(step, CHECKED), step)]
        return np.concatenate([timed(bits, padded(part, size))[0][: len(part)] for part in parts])

    powers = [1 << i for i in range(max_batch.bit_length())]
    room = {size: left for size in powers if (left := size - padding(size, width)) > 0}
    if not room:
        raise EngineError(f"its batches must have {LANES} rows or more: FIGMENT_MAX_BATCH is {max_batch}")
    latents = latents_of(range(max(CHECKED, powers[-1])), latent_dim)
    seen: dict[int, NDArray[Any]] = {size: drawn(size) for size in room}
    for size, rows in seen.items():
        if (rows == rows[0]).all():
            raise EngineError("it draws the same image for every latent")
        again = latents[: room[size]]
        if not np.array_equal(timed(bits, padded(again, size))[0][: len(again)], rows[: len(again)]):
            raise EngineError("it draws another image for the same latent")
    sizes = []
    for size in largest_set(seen):
        timed(draw, latents[:size])
        seconds = min(timed(draw, latents[:size])[1] for _ in range(REPEATS))
        sizes.append(BatchSize(room[size], seconds, size - room[size]))
    return tuple(sizes)


def largest_set(seen: dict[int, NDArray[Any]]) -> list[int]:
    """Of what each size drew of the same latents, the largest set of sizes that agree, ascending."""
    sets: list[list[int]] = []  # each begins with its largest size, which drew the most rows
    for size in sorted(seen, reverse=True):
        same = next((one for one in sets if _agree(seen[one[0]], seen[size])), None)
        if same is None:
            sets.append([size])
        else:
            same.append(size)
    largest = max(sets, key=lambda one: (len(one), one[0]))
    return sorted(largest)


def _agree(one: NDArray[Any], other: NDArray[Any]) -> bool:
    rows = min(len(one), len(other))
    return bool(np.array_equal(one[:rows], other[:rows]))
