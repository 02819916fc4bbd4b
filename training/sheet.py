"""The sample sheet: what fixed seeds draw, as one picture."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundle.latents import latents_of

SHEET_SIDE = 8
"""A sheet is 8 × 8 images, of the seeds 0 … 63."""


def sheet_latents(latent_dim: int) -> NDArray[np.float32]:
    """The latents of the sheet: float32 [64, latent_dim]."""
    return latents_of(range(SHEET_SIDE**2), latent_dim)


def write_sheet(path: Path, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Write uint8 [64, height, width, channels] as one PNG of 8 × 8 images; returns its pixels."""
    _, height, width, channels = images.shape
    rows = images.reshape(SHEET_SIDE, SHEET_SIDE, height, width, channels).swapaxes(1, 2)
    sheet = rows.reshape(SHEET_SIDE * height, SHEET_SIDE * width, channels)
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(path)
    return sheet
