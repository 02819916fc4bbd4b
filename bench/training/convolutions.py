"""`python -m bench.training.convolutions`: convolutions 4 × 4 of stride 2 as oneDNN's and as matrix products."""

import sys
import time
from collections.abc import Callable

from bench.machine import describe_machine
from bundle.environment import prepare_tensorflow

prepare_tensorflow()

import tensorflow as tf  # noqa: E402

from training import convolution  # noqa: E402
from training.convolution import Many  # noqa: E402

BATCH, REPEATS = 64, 7
LAYERS = ((3, 64, 64), (64, 128, 32), (128, 256, 16), (256, 512, 8))
"""Channels in, channels out, side of the larger image: of the shipped networks at 64 px and width 64."""


def speed(function: Callable[..., tf.Tensor], gflop: float, *inputs: tf.Tensor) -> float:
    """GFLOP/s, of the fastest of some runs."""
    graph = tf.function(lambda *x: tf.reduce_sum(function(*x)[0, 0]))
    graph(*inputs).numpy()
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        graph(*inputs).numpy()
        times.append(time.perf_counter() - begin)
    return gflop / min(times)


def main() -> int:
    print(f"{describe_machine()}; batches of {BATCH}; GFLOP/s, oneDNN / products")
    print("channels, side         forward   transposed   gradient of the kernel")
    for c, k, side in LAYERS:
        x, y = (
            tf.random.normal([BATCH, side, side, c]),
            tf.random.normal([BATCH, side // 2, side // 2, k]),
        )
        w, gflop = tf.random.normal([4, 4, c, k]), 2 * BATCH * (side // 2) ** 2 * 16 * c * k / 1e9
        cells = []
        for function, inputs in (
            (convolution._conv, (x, w)),
            (convolution._transposed, (y, w)),
            (convolution._correlation, (x, y)),
        ):
            both = []
            for bound, few in ((float("inf"), -1), (0.0, 4)):
                convolution.many, convolution.FEW = (lambda bound=bound: Many(bound, bound, bound)), few
                both.append(f"{speed(function, gflop, *inputs):.0f}")
            cells.append(" / ".join(both))
        print(f"{f'{c} → {k}, {side} px':20} {cells[0]:>9}   {cells[1]:>10}   {cells[2]:>22}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
