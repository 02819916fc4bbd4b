"""Latents: the vectors a generator draws from, made from seeds.

All functions are pure; latents are float32.
"""

import threading
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Latents = NDArray[np.float32]
"""float32 [n, latent_dim]."""

SEED_SCHEME: Final = "numpy-randomstate-v1"
"""How a seed becomes a latent; a bundle names the scheme it was made for."""


def latents_of(seeds: Iterable[int], latent_dim: int, truncation: float = 1.0, classes: int = 0) -> Latents:
    """The latents of seeds, one row each, by the scheme `numpy-randomstate-v1`.

    Row i is `truncation · numpy.random.RandomState(seeds[i]).randn(latent_dim)`. NumPy freezes that stream
    (NEP 19), so a seed means the same latent for ever.

    Args:
        seeds: whole numbers 0 … 2³²−1.
        latent_dim: values a latent, ≥ 1.
        truncation: ψ ≥ 0; below 1 nearer to the middle: less varied, more typical.
        classes: K of a conditional generator, 0 … latent_dim: the first K numbers choose the class (see
            `bundle.classes`) and are not multiplied, so a seed keeps its class; nearer to the middle classes would mix.

    Returns:
        float32 [len(seeds), latent_dim].
    """
    state = _local.state
    rows = []
    for seed in seeds:
        state.seed(seed)
        rows.append(state.randn(latent_dim))
    latents = np.reshape(rows, (len(rows), latent_dim))
    latents[:, classes:] *= truncation
    return latents.astype(np.float32)


class _Local(threading.local):
    """A generator for each thread, to be seeded before each row: to make one costs 0.1 ms, fifty times the seeding."""

    def __init__(self) -> None:
        self.state = np.random.RandomState(0)


_local = _Local()
