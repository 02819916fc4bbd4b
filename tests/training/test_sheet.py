from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundle.latents import latents_of
from training.sheet import SHEET_SIDE, sheet_latents, write_sheet


@pytest.mark.parametrize("latent_dim", [1, 16, 128])
def test_a_sheet_shows_the_seeds_0_to_63(latent_dim: int) -> None:
    latents = sheet_latents(latent_dim)
    assert latents.shape == (64, latent_dim)
    for seed in (0, 7, 63):
        np.testing.assert_array_equal(latents[seed], latents_of([seed], latent_dim)[0])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("seed", [0, 1])
def test_images_stand_in_rows_from_the_left(tmp_path: Path, channels: int, mode: str, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (64, 6, 5, channels), np.uint8)
    write_sheet(tmp_path / "sheet.png", images)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (sheet.mode, sheet.size) == (mode, (SHEET_SIDE * 5, SHEET_SIDE * 6))
        pixels = np.asarray(sheet).reshape(SHEET_SIDE * 6, SHEET_SIDE * 5, channels)
    for i in range(64):
        row, column = divmod(i, SHEET_SIDE)
        tile = pixels[row * 6 : row * 6 + 6, column * 5 : column * 5 + 5]
        np.testing.assert_array_equal(tile, images[i])
