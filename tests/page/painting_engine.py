"""An engine without TensorFlow whose pictures can be told apart by eye, and change a little when a latent does."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine import protocol
from service.engine.protocol import Latents, Pixels
from tests.service.fake_engine import ConditionalEngine, Shape

SIZE: Shape = (64, 64, 3)
TURN = 2 * np.pi


class PaintingEngine(ConditionalEngine):
    """Paints a disc with two eyes before a background: colours, place and size by the numbers of a latent.

    A class, where there are some, is a bar at the bottom as long as its index.
    """

    def __init__(self, shares: Sequence[float] = (), version: int = 1) -> None:
        super().__init__(shares, SIZE)
        self.version = version
        self.pace = 0.0

    def draw(self, latents: Latents) -> Pixels:
        pixels = np.stack([paint(row[len(self.shares) :]) for row in latents])
        for picture, row in zip(pixels, latents.tolist(), strict=True):
            if self.shares:
                picture[-4:, : 8 * (1 + self._class(row))] = 255
        if self.version > 1:
            pixels = pixels[:, :, ::-1]
        return np.ascontiguousarray(pixels)

    def projector(self) -> "PaintingProjector":
        """What compares its pictures with another."""
        return PaintingProjector(self)


class PaintingProjector:
    """The mean squared error of pictures that a PaintingEngine paints; paint has no gradient.

    Each comparison takes `engine.pace` seconds longer than it must.
    """

    differentiable = False

    def __init__(self, engine: PaintingEngine) -> None:
        self.engine = engine

    def measure(self, latents: Latents, target: Pixels) -> Any:  # noqa: ANN401 (protocol.Measured)
        """The errors, float32 [n], of pixels 0 … 1."""
        time.sleep(self.engine.pace)
        difference = (self.engine.draw(latents).astype(np.float32) - target.astype(np.float32)) / 255
        errors = (difference**2).mean(axis=(1, 2, 3))
        return protocol.Measured(errors, errors)

    def slope(self, latents: Latents, target: Pixels) -> Any:  # noqa: ANN401 (protocol.Measured)
        """There is none."""
        raise AssertionError("paint has no gradient")


def paint(z: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture of ten numbers or more: uint8 [64, 64, 3]."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    s = np.tanh(z.astype(np.float64))
    picture = colour(0.55 + 0.3 * s[0], 0.35) * (1 - 0.25 * (y[..., None] + 1))
    face = disc(x - 0.3 * s[1], y - 0.3 * s[2], 0.55 + 0.2 * s[3])
    picture += face[..., None] * (colour(s[4], 0.6) - picture)
    for side in (-1, 1):
        at_x, at_y = 0.3 * s[1] + side * (0.2 + 0.05 * s[5]), 0.3 * s[2] - 0.12
        for radius, value in ((0.14 + 0.04 * s[6], 1.0), (0.06, 0.1)):
            eye = disc(x - at_x - 0.05 * s[7] * (value < 1), y - at_y, radius)
            picture += eye[..., None] * (value - picture)
    mouth = disc((x - 0.3 * s[1]) / 2.2, (y - 0.3 * s[2] - 0.3 - 0.8 * s[8] * (x - 0.3 * s[1]) ** 2) * 1.6, 0.1)
    picture += mouth[..., None] * (colour(s[9], 0.3) - picture)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def colour(hue: float, chroma: float) -> NDArray[np.float64]:
    """RGB of a hue, of which 1 is once around."""
    return 0.6 + chroma * 0.5 * np.cos(TURN * (hue + np.array([0, 1 / 3, 2 / 3])))


def disc(x: NDArray[np.float64], y: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """1 inside, 0 outside, with a soft edge."""
    return np.clip((radius - np.hypot(x, y)) * 24 + 0.5, 0, 1)
