"""The graph of the bundle: the foreign generator, with our signature around it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from training.importing.finding import Signature

Layout = Literal["nhwc", "nchw"]
Range = Literal["-1..1", "0..1", "0..255"]

SCALES: dict[Range, tuple[float, float]] = {"-1..1": (127.5, 127.5), "0..1": (255.0, 0.0), "0..255": (1.0, 0.0)}
"""A pixel is round(x · scale + offset), clipped to 0 … 255."""


@dataclass(frozen=True)
class Reading:
    """How the foreign output is read: `shape` is (height, width, channels)."""

    layout: Layout
    range: Range
    shape: tuple[int, int, int]


class Caller(tf.Module):
    """Calls the foreign signature for any number of latents."""

    def __init__(self, foreign: Any, signature: Signature) -> None:  # noqa: ANN401 (TensorFlow has no types)
        super().__init__()
        self._foreign = foreign  # owns the variables
        self._signature = signature

    def __call__(self, latents: tf.Tensor) -> tf.Tensor:
        """float32 [n, latent_dim] → the foreign output, as it is.

        A fixed batch size is filled up with zeros, or the rows go through it in several runs.
        """
        signature = self._signature
        latents = tf.cast(tf.reshape(latents, [-1, *signature.latent_shape]), signature.dtype)
        if signature.batch is None:
            return self._run(latents, tf.shape(latents)[0])
        rows, batch = tf.shape(latents)[0], signature.batch
        runs = (rows + batch - 1) // batch
        missing = [[0, runs * batch - rows], *([0, 0] for _ in signature.latent_shape)]
        batches = tf.reshape(tf.pad(latents, missing), [-1, batch, *signature.latent_shape])
        spec = signature.function.structured_outputs[signature.output]
        outputs = tf.map_fn(lambda some: self._run(some, batch), batches, fn_output_signature=spec.dtype)
        return tf.reshape(outputs, tf.concat([[-1], tf.shape(outputs)[2:]], axis=0))[:rows]

    def _run(self, latents: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        signature = self._signature
        specs = signature.function.structured_input_signature[1]
        others = {
            name: tf.tile(tf.constant(value, specs[name].dtype)[None], [rows, *[1] * value.ndim])
            if specs[name].shape.rank != 0
            else tf.constant(value, specs[name].dtype)
            for name, value in signature.fixed.items()
        }
        return signature.function(**{signature.input: latents, **others})[signature.output]


class ImportedGenerator(tf.Module):
    """A foreign generator with the signature of a bundle."""

    def __init__(self, caller: Caller, latent_dim: int, reading: Reading) -> None:
        super().__init__()
        self._caller, self._reading = caller, reading
        self.serving_default = tf.function(
            self._generate, input_signature=[tf.TensorSpec([None, latent_dim], tf.float32, name="latents")]
        )

    def _generate(self, latents: tf.Tensor) -> dict[str, tf.Tensor]:
        """float32 [n, latent_dim] → {"images": uint8 [n, height, width, channels]}."""
        scale, offset = SCALES[self._reading.range]
        x = tf.cast(self._caller(latents), tf.float32)
        if self._reading.layout == "nchw":
            x = tf.transpose(x, [0, 2, 3, 1])
        images = tf.cast(tf.clip_by_value(tf.round(x * scale + offset), 0.0, 255.0), tf.uint8)
        return {"images": tf.ensure_shape(images, [None, *self._reading.shape])}

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        tf.saved_model.save(self, str(folder), signatures={"serving_default": self.serving_default})
