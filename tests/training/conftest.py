import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

from training.recipe import Recipe, load_recipe

settings.register_profile("no deadline", deadline=None)  # a busy machine is slow now and then
settings.load_profile("no deadline")

SMALL = [
    "latent_dim=8", "batch_size=4", "ema_half_life=100", "decay_from=0.5", "generator.width=4", "discriminator.width=4",
]  # fmt: skip
FITTED = {"ns": ["discriminator.minibatch_stddev=4"], "wgan": ["n_critic=2"], "wgan-gp": ["n_critic=2"]}
"""What a recipe needs beside to be small: a group no larger than the batch, few steps of the critic."""


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is of that size, with next to no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def huge_png() -> Callable[[int, int], bytes]:
    return png_header


def fill(folder: Path, count: int, side: int = 32, seed: int = 0) -> Path:
    """Pictures of one colour each with a little noise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for i in range(count):
        colour = random.integers(30, 226, 3)
        noise = random.integers(-30, 30, (side, side, 3))
        Image.fromarray((colour + noise).astype(np.uint8)).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20 pictures of 32 px, not to be changed."""
    return fill(tmp_path_factory.mktemp("data") / "colours", 20)


@pytest.fixture
def make_pictures() -> Callable[..., Path]:
    return fill


@pytest.fixture(scope="session")
def small_recipe() -> Callable[..., Recipe]:
    """A recipe with tiny networks; further settings as `key=value`."""

    def load(name: str = "ns", *overrides: str) -> Recipe:
        return load_recipe(name, [*SMALL, *FITTED.get(name, []), *overrides])

    return load


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Steps are not compiled: compiling takes longer than all that is tested."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def reals_of() -> Callable[..., NDArray[np.uint8]]:
    """Noise for one step of a recipe: uint8 [n_critic, batch_size, 32, 32, channels]."""

    def draw(recipe: Recipe, seed: int = 0, channels: int = 3) -> NDArray[np.uint8]:
        shape = (recipe.n_critic, recipe.batch_size, 32, 32, channels)
        return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)

    return draw
