"""`python -m tests.faults.fake`: the service as it is, but for its engine, which needs no TensorFlow and can be hurt.

SIGUSR1 moves the wall clock by the next of `JUMPS`.
"""

import itertools
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import service.app
from bundle.store import Bundle
from service.cli import main
from service.engine.protocol import Latents, Pixels
from tests.service.fake_engine import FakeEngine, pixels_of

SECONDS = 0.004
"""A batch takes."""
DEATH = 1000.0
"""A latent that begins with it ends the thread that draws it."""
JUMPS = (86_400.0, -2 * 86_400.0, 3.2e8, -3.2e8)
"""Seconds: a day on, two back, ten years on and back."""


class Death(BaseException):
    """What nobody catches."""


class Mortal(FakeEngine):
    """Draws the same whatever the version is, and keeps no batch."""

    def run(self, latents: Latents) -> Pixels:
        if (latents[:, 0] == DEATH).any():
            raise Death
        time.sleep(SECONDS)
        return pixels_of(latents, self.shape)


def load(bundle: Bundle) -> Mortal:
    """The engine of a bundle."""
    image = bundle.manifest.image
    return Mortal((image.height, image.width, image.channels), SECONDS)


def jump_on_signal(jumps: Sequence[float] = JUMPS) -> None:
    """Let every SIGUSR1 move `time.time` by the next of some seconds."""
    real, moved, following = time.time, [0.0], itertools.cycle(jumps)

    def jump(*_: Any) -> None:  # noqa: ANN401
        moved[0] += next(following)
        print(f"the clock jumped: {moved[0]:+.0f} s", file=sys.stderr, flush=True)

    time.time = lambda: real() + moved[0]
    signal.signal(signal.SIGUSR1, jump)


if __name__ == "__main__":
    jump_on_signal()
    service.app.tensorflow_loader = lambda *_: load
    sys.exit(main())
