"""The real engine: a bundle's SavedModel, run by TensorFlow. The only file of the service that imports it."""

import logging
from typing import Any, Literal

import tensorflow as tf

from bundle.errors import InvalidBundle
from bundle.store import Bundle
from service.engine.protocol import BatchSize, Do, EngineError, Latents, Loader, Pixels
from service.engine.warmup import warm_up

logger = logging.getLogger("figment.engine")

SIGNATURE = "serving_default"


class SavedModelEngine:
    """One SavedModel in memory."""

    def __init__(self, bundle: Bundle) -> None:
        try:
            self._module = tf.saved_model.load(str(bundle.path))  # keeps the variables alive
            self._generate = self._module.signatures[SIGNATURE]
        except (OSError, KeyError, ValueError, AttributeError, tf.errors.OpError) as error:
            raise EngineError(f"TensorFlow cannot load it: {first_line(error)}") from error
        check_signature(bundle, self._generate)
        self._latent_dim = bundle.manifest.latent_dim

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        """See `Engine.warm`."""
        return warm_up(self.run, self._latent_dim, max_batch, do)

    def run(self, latents: Latents) -> Pixels:
        """See `Engine.run`."""
        try:
            pixels: Pixels = self._generate(latents=tf.constant(latents))["images"].numpy()
        except tf.errors.OpError as error:
            raise EngineError(f"inference failed: {first_line(error)}") from error
        return pixels


def check_signature(bundle: Bundle, function: Any) -> None:  # noqa: ANN401 (TensorFlow has no types)
    """Check that the graph takes and gives what the manifest says.

    Raises:
        InvalidBundle: what differs.
    """
    manifest = bundle.manifest
    image = manifest.image
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    wanted = {
        "latents": (inputs, tf.float32, [None, manifest.latent_dim]),
        "images": (outputs, tf.uint8, [None, image.height, image.width, image.channels]),
    }
    if set(inputs) != {"latents"}:
        raise InvalidBundle(f"the graph takes {', '.join(sorted(inputs))}, a generator takes latents")
    for name, (specs, dtype, shape) in wanted.items():
        if name not in specs:
            raise InvalidBundle(f"the graph's signature {SIGNATURE} has no {name}")
        spec = specs[name]
        if spec.dtype != dtype or spec.shape.rank is None or spec.shape.as_list() != shape:
            raise InvalidBundle(
                f"{name} are {spec.dtype.name} {spec.shape} in the graph, {dtype.name} {shape} by the manifest"
            )


def open_device(device: Literal["auto", "cpu", "gpu"]) -> Loader:
    """Choose where inference runs, before the first operation; returns what loads bundles onto it.

    A GPU's memory is taken as it is needed, not all at once.

    Raises:
        EngineError: `gpu`, and TensorFlow sees none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise EngineError(
            "FIGMENT_DEVICE=gpu, but TensorFlow sees no GPU: install requirements/service-gpu.txt and NVIDIA's "
            "driver, or set FIGMENT_DEVICE=auto"
        )
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    else:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    on_gpu = bool(gpus) and device != "cpu"
    logger.info("TensorFlow %s on the %s", tf.__version__, "GPU" if on_gpu else "CPU")
    return SavedModelEngine


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
