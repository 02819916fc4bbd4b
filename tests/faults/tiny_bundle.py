"""`python -m tests.faults.tiny_bundle STORE`: publish a real SavedModel of 32 × 32 pixels as `tiny/1`.

A latent whose first number is beyond `GREEDY` makes it ask for more memory than a process can have, so that TensorFlow
raises its own ResourceExhausted.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from bundle.manifest import Manifest
from bundle.store import Store
from tests.service.conftest import LATENT_DIM, manifest_of

SHAPE = (32, 32, 3)
GREEDY = 500.0
TOO_MUCH = 2**47
"""Numbers of 4 bytes: more than the 47 bits of an address on x86-64 reach."""


def write(folder: Path, version: int) -> Manifest:
    """A generator of one layer, the same for every version."""
    module = tf.Module()
    weights = np.random.RandomState(0).randn(LATENT_DIM, np.prod(SHAPE))
    module.weights = tf.Variable(weights, dtype="float32")

    @tf.function(input_signature=[tf.TensorSpec([None, LATENT_DIM], "float32", name="latents")])
    def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
        size = TOO_MUCH * tf.cast(tf.reduce_any(latents[:, 0] > GREEDY), tf.int64)
        greed = tf.reduce_sum(tf.tile(latents[0, :1], [size]))  # of nothing, as a rule
        x = tf.tanh(latents @ module.weights + 1e-30 * greed)
        x = tf.reshape(x, [-1, *SHAPE])
        return {"images": tf.cast(tf.round((x + 1.0) * 127.5), "uint8")}

    tf.saved_model.save(module, str(folder), {"serving_default": generate})
    return manifest_of("tiny", SHAPE)


if __name__ == "__main__":
    Store(Path(sys.argv[1])).publish("tiny", 1, write)
