"""The real engine: a bundle's SavedModel, run by TensorFlow. The only file of the service that imports it."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry  # no public name tells which operations there are

from bundle.errors import InvalidBundle
from bundle.operations import operations, reaching_outside
from bundle.store import Bundle
from service.engine.protocol import BatchSize, Do, EngineError, Latents, Loader, Pixels
from service.engine.tails import narrowest
from service.engine.unrounded import leave_unrounded
from service.engine.warmup import Bits, warm_up

logger = logging.getLogger("figment.engine")

SIGNATURE = "serving_default"
GRAPH = "saved_model.pb"
STATEFUL: Final = frozenset({
    "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp", "DestroyResourceOp",
    "ResourceGather", "ResourceGatherNd", "StatefulPartitionedCall", "If", "While", "Case", "Assert",
    "CheckNumerics", "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal", "RandomGamma",
})  # fmt: skip
"""Operations with an effect that a generator may have: its weights, control flow, noise."""


class SavedModelEngine:
    """One SavedModel in memory."""

    def __init__(self, bundle: Bundle, trusted: bool = False) -> None:
        if not trusted:
            check_operations(bundle.path)
        try:
            self._module = tf.saved_model.load(str(bundle.path))  # keeps the variables alive
            self._generate = self._module.signatures[SIGNATURE]
        except (OSError, KeyError, ValueError, AttributeError, tf.errors.OpError) as error:
            raise EngineError(f"TensorFlow cannot load it: {first_line(error)}") from error
        check_signature(bundle, self._generate)
        check_weights(self._generate)
        self._path, self._latent_dim = bundle.path, bundle.manifest.latent_dim

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        """See `Engine.warm`."""
        width = narrowest(read_graph(self._path))
        with unrounded(self._path) as bits:
            return warm_up(self.run, bits or self.run, self._latent_dim, max_batch, do, width)

    def run(self, latents: Latents) -> Pixels:
        """See `Engine.run`."""
        try:
            pixels: Pixels = self._generate(latents=tf.constant(latents))["images"].numpy()
        except tf.errors.OpError as error:
            raise EngineError(f"inference failed: {first_line(error)}") from error
        return pixels


@contextmanager
def unrounded(folder: Path) -> Iterator[Bits | None]:
    """The generator of a SavedModel before it rounds to 8 bits, or None where that is not to be had."""
    model = read_graph(folder)
    if not leave_unrounded(model):
        logger.warning("%s: no rounding was found in its graph, so batch sizes are compared by their pixels", folder)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="figment-") as twin:
        (Path(twin) / GRAPH).write_bytes(model.SerializeToString())
        (Path(twin) / "variables").symlink_to((folder / "variables").resolve())
        try:
            module = tf.saved_model.load(twin)
            generate = module.signatures[SIGNATURE]
            generate(latents=tf.zeros([1, generate.structured_input_signature[1]["latents"].shape[1]]))
        except Exception as error:  # TensorFlow raises nearly anything where a graph does not fit together
            logger.warning("%s: batch sizes are compared by their pixels: %s", folder, first_line(error))
            yield None
            return
        yield lambda latents: generate(latents=tf.constant(latents))["images"].numpy()


def read_graph(folder: Path) -> SavedModel:
    """The message in a SavedModel's file.

    Raises:
        EngineError: it is no SavedModel.
    """
    model = SavedModel()
    try:
        model.ParseFromString((folder / GRAPH).read_bytes())
    except (OSError, DecodeError) as error:
        raise EngineError(f"TensorFlow cannot load it: {GRAPH}: {first_line(error)}") from error
    if not model.meta_graphs:
        raise EngineError(f"TensorFlow cannot load it: {GRAPH} holds no graph")
    return model


def check_operations(folder: Path) -> None:
    """Check, before anything of it runs, that a graph does nothing but compute.

    Raises:
        InvalidBundle: names operations that reach files, Python or other machines, or that TensorFlow does not have.
        EngineError: it is no SavedModel.
    """
    model = read_graph(folder)
    found = operations(model)
    if outside := reaching_outside(model):
        raise InvalidBundle(
            f"its graph holds {', '.join(outside)}: operations that reach files, Python or other machines, which a "
            "generator does not need; FIGMENT_TRUST=all loads it all the same, if you trust whoever made it"
        )
    if not model.meta_graphs[0].object_graph_def.nodes:
        raise InvalidBundle(
            "its graph is of TensorFlow 1, whose loader runs what the graph says; save it with TensorFlow 2"
        )
    if custom := sorted(name for name in found if op_def_registry.get(name) is None):
        raise InvalidBundle(f"its graph holds {', '.join(custom)}: operations that this TensorFlow does not have")
    if stateful := sorted(name for name in found if op_def_registry.get(name).is_stateful and name not in STATEFUL):
        raise InvalidBundle(
            f"its graph holds {', '.join(stateful)}: operations with effects that a generator does not need; "
            "FIGMENT_TRUST=all loads it all the same, if you trust whoever made it"
        )


def check_weights(function: Any) -> None:  # noqa: ANN401 (TensorFlow has no types)
    """Check that no weight is infinite or not a number: in pixels, which are whole numbers, that would not show.

    Raises:
        EngineError: one is.
    """
    for variable in function.variables:
        if variable.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(variable))):
            raise EngineError("it has weights that are infinite or not a number")


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


def open_device(device: Literal["auto", "cpu", "gpu"], trusted: bool = False) -> Loader:
    """Choose where inference runs, before the first operation; returns what loads bundles onto it.

    A GPU's memory is taken as it is needed, not all at once. With `trusted` graphs may do whatever TensorFlow can.

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
    if trusted:
        logger.warning("FIGMENT_TRUST=all: graphs are not checked; a model can read and write files of this machine")
    return partial(SavedModelEngine, trusted=trusted)


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
