"""Warm-up: which batch sizes may be used on this machine, and what each costs."""

import time
from collections.abc import Callable

import numpy as np

from bundle.latents import latents_of
from service.engine.protocol import BatchSize, Do, EngineError, Latents, Pixels

REPEATS = 2
"""Timed runs of each size after the first, which compiles; the faster counts."""


def warm_up(draw: Callable[[Latents], Pixels], latent_dim: int, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
    """Draw every power of two up to `max_batch`; return those whose pixels equal those of one row at a time.

    Matrix libraries choose another kernel, and so another order of summation, for some sizes; a size that
    gives other pixels than size 1 is left out, so a seed's pixels do not depend on the load.

    Args:
        draw: the images of latents.
        latent_dim: numbers of a latent.
        max_batch: rows.
        do: makes each run.

    Raises:
        EngineError: the generator draws the same image for different latents, or different ones for the same.
    """

    def timed(rows: Latents) -> tuple[Pixels, float]:
        def run() -> tuple[Pixels, float]:
            begin = time.perf_counter()
            return draw(rows), time.perf_counter() - begin

        return do(run)

    powers = [1 << i for i in range(max_batch.bit_length())]
    latents = latents_of(range(max(2, powers[-1])), latent_dim)
    alone = np.concatenate([timed(latents[i : i + 1])[0] for i in range(len(latents))])
    if (alone == alone[0]).all():
        raise EngineError("it draws the same image for every latent")
    sizes = []
    for rows in powers:
        if np.array_equal(timed(latents[:rows])[0], alone[:rows]):
            sizes.append(BatchSize(rows, min(timed(latents[:rows])[1] for _ in range(REPEATS))))
    if not sizes:
        raise EngineError("it draws another image for the same latent")
    return tuple(sizes)
