"""Frozen features: how strongly random filters of a stated seed answer, where and on which scale.

No download and no training: one layer of a convolutional network with random orthogonal weights on each level of the
Laplacian pyramid, rectified by the absolute value and averaged over fields, as in a scattering transform of first order
(Bruna and Mallat 2013, arXiv 1203.1513). Naeem et al. 2020 (arXiv 2002.09797, 3.3) found random features fit for
precision, recall, density and coverage where pretrained ones do not suit the data. These were chosen because they tell
apart what they should (the table is in docs/measures.md). Numbers on these features do not compare with numbers on
others.
"""

from typing import Final

import numpy as np

from training.measures.images import SMALLEST, Floats, Images
from training.measures.pyramid import laplacian_pyramid

FEATURES_SEED: Final = 3
"""Of the filters: fixed, so that figures of different runs compare."""
FILTERS: Final = 32
FILTER: Final = 5
"""Pixels: a filter's side."""
FIELDS: Final = 4
"""Fields along each side, over which the answers are averaged: a feature knows roughly where it was seen."""
COLOURS: Final = 8
"""Fields along each side, whose mean colours are features too."""
PLACES: Final = 32
"""Along each side, at which a filter is asked; finer levels are asked at every second, fourth … pixel."""
SOFT: Final = 0.1
"""Of the mean deviation, added to each feature's own, so that what hardly ever varies is not blown up."""
_AT_ONCE: Final = 64


def features(images: Images) -> Floats:
    """uint8 [n, h, h, c] → float32 [n, d]; h a power of two from 16 on, c is 1, 3 or 4. For 64 px RGB, d is 1728."""
    channels, resolution = images.shape[-1], images.shape[1]
    shape = (FILTER * FILTER * channels, min(FILTERS, FILTER * FILTER * channels))
    filters = np.linalg.qr(np.random.default_rng(FEATURES_SEED).standard_normal(shape))[0].astype(np.float32)
    levels = (resolution // SMALLEST).bit_length()
    parts = [_batch(images[i : i + _AT_ONCE], filters, levels) for i in range(0, len(images), _AT_ONCE)]
    return np.concatenate(parts)


def standardised(real: Floats, *others: Floats) -> list[Floats]:
    """Features less the real ones' mean, over their deviation: of the real ones, then of the others; float32 [n, d]."""
    mean, deviation = real.mean(0), real.std(0)
    scale = deviation + SOFT * deviation.mean() + np.float32(1e-6)
    return [(some - mean) / scale for some in (real, *others)]


def _batch(images: Images, filters: Floats, levels: int) -> Floats:
    count, side, _, channels = images.shape
    step = side // COLOURS
    fields = images.reshape(count, COLOURS, step, COLOURS, step, channels).mean((2, 4), dtype=np.float32)
    energies = [_energy(level, filters) for level in laplacian_pyramid(images, levels)]
    return np.concatenate([fields.reshape(count, -1) / np.float32(64), *energies], axis=1)


def _energy(level: Floats, filters: Floats) -> Floats:
    """The root of the mean |answer| in each field: float32 [n, c, h, h] → [n, 4 × 4 × filters]."""
    count, _, side, _ = level.shape
    margin, stride = FILTER // 2, max(1, side // PLACES)
    padded = np.pad(level, ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (FILTER, FILTER), axis=(2, 3))[:, :, ::stride, ::stride]
    places = windows.shape[2]
    flat = windows.transpose(0, 2, 3, 1, 4, 5).reshape(count * places * places, -1)
    answers = np.abs(flat @ filters)
    size = places // FIELDS
    means = answers.reshape(count, FIELDS, size, FIELDS, size, -1).mean((2, 4))
    energy: Floats = np.sqrt(means).reshape(count, -1)
    return energy
