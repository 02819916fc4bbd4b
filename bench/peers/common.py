"""What the servers of the peers share: the model, the latents of a request, and the PNG of its answer.

It runs in the environment of each peer. Of the service and the bundle it uses only what needs no more than numpy and
isal. Every server finds its model in the environment variable MODEL and its encoder in ENCODER.
"""

import io
import itertools
import math
import os
import socket
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundle.latents import latents_of
from service.pictures.grid import make_grid
from service.pictures.png import encode_png

Pixels = NDArray[np.uint8]
"""uint8 [n, height, width, channels], or without the first axis."""

MAX_BATCH = 64
"""The largest batch of every peer that batches, as the service's."""

WARM_UP = (1, 2, 4, 8, 16, 32, 64)
"""The rows of the batches that a model draws before it serves."""


class Model:
    """The SavedModel, loaded as TensorFlow's guide shows, and warm."""

    def __init__(self, path: str | None = None) -> None:
        """Load the model at `path`, by default that of the environment variable MODEL."""
        import tensorflow as tf

        self._tensor = tf.constant
        self._module = tf.saved_model.load(path or os.environ["MODEL"])  # it holds the variables
        self._generate = self._module.signatures["serving_default"]
        _, inputs = self._generate.structured_input_signature
        self._latent_dim: int = inputs["latents"].shape[1]
        for rows in WARM_UP:
            self.draw(range(rows))

    def draw(self, seeds: Iterable[int]) -> Pixels:
        """The images of seeds, as one batch: uint8 [n, height, width, channels]."""
        latents = latents_of(seeds, self._latent_dim)
        images: Pixels = self._generate(latents=self._tensor(latents))["images"].numpy()
        return images

    def draw_requests(self, requests: Sequence[range]) -> list[Pixels]:
        """The images of several requests, each the range of its seeds, as one batch that is split again."""
        images = self.draw(itertools.chain.from_iterable(requests))
        ends = itertools.accumulate(len(seeds) for seeds in requests)
        return [images[end - len(seeds) : end] for seeds, end in zip(requests, ends, strict=True)]


def grid_of(images: Pixels) -> Pixels:
    """Lay images out row by row on white, as near to a square as can be: the pixels of the service's own grid."""
    n, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    cells = np.full((rows * columns, height, width, channels), 255, np.uint8)
    cells[:n] = images
    by_rows = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return by_rows.reshape(rows * height, columns * width, channels)


def _with_pillow(images: Pixels) -> bytes:
    """As users of Pillow write it: its defaults."""
    grid = grid_of(images)
    buffer = io.BytesIO()
    Image.fromarray(grid[..., 0] if grid.shape[-1] == 1 else grid).save(buffer, "PNG")
    return buffer.getvalue()


def _with_figment(images: Pixels) -> bytes:
    """The service's own encoder: what is left of a difference is not the encoder's."""
    return encode_png(make_grid(images))


ENCODERS: dict[str, Callable[[Pixels], bytes]] = {"pillow": _with_pillow, "figment": _with_figment}


def encoder() -> Callable[[Pixels], bytes]:
    """What makes the PNG of the images of a request, by the environment variable ENCODER."""
    return ENCODERS[os.environ.get("ENCODER", "pillow")]


def free_port() -> int:
    """A port that nobody listens on, for what a peer serves beside its answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
