"""What a graph must be before it is served: it does nothing but compute, and it is what its manifest says."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry  # no public name tells which operations there are

from bundle.errors import InvalidBundle
from bundle.operations import operations, reaching_outside
from bundle.store import Bundle
from service.engine.protocol import BadImages, EngineError

SIGNATURE = "serving_default"
GRAPH = "saved_model.pb"
STATEFUL: Final = frozenset({
    "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp", "DestroyResourceOp",
    "ResourceGather", "ResourceGatherNd", "StatefulPartitionedCall", "If", "While", "Case", "Assert",
    "CheckNumerics", "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal", "RandomGamma",
})  # fmt: skip
"""Operations with an effect that a generator may have: its weights, control flow, noise."""


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


def check_numbers(unrounded: NDArray[np.uint8]) -> None:
    """Check that what is drawn is finite before it is rounded: of NaN, rounding makes black pixels like any others.

    Args:
        unrounded: uint8 [n, height, width, channels, bytes of a number], as `unrounded` leaves it.

    Raises:
        BadImages: some number is infinite or not a number.
    """
    kind = {4: np.float32, 8: np.float64}.get(unrounded.shape[-1])
    if kind is not None and not np.isfinite(np.ascontiguousarray(unrounded).view(kind)).all():
        raise BadImages("it draws pixels that are infinite or not a number")


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


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
