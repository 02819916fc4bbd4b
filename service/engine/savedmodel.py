"""The real engine: a bundle's SavedModel, run by TensorFlow."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from bundle.latents import latents_of
from bundle.processor import BFLOAT16_FLAGS, cpu_flags
from bundle.store import Bundle
from service.engine.checks import (
    GRAPH,
    SIGNATURE,
    check_numbers,
    check_operations,
    check_signature,
    check_weights,
    first_line,
    read_graph,
)
from service.engine.projection import GraphProjector
from service.engine.protocol import BatchSize, Do, Draw, EngineError, Latents, Loader, Memory, Pixels, Projector
from service.engine.tails import narrowest
from service.engine.unrounded import leave_unrounded
from service.engine.warmup import CHECKED, Variant, Warmed, warm_up

logger = logging.getLogger("figment.engine")

Precision = Literal["float32", "bfloat16", "float16"]

REWRITES: Final = {"bfloat16": "auto_mixed_precision_onednn_bfloat16", "float16": "auto_mixed_precision"}
"""TensorFlow's graph rewrites, the first for processors, the second for GPUs: matrix products, and what lies between
them, in that precision, the rest in float32."""
WORTH: Final = 1.15
"""`auto` takes another precision than float32 if it is so many times as fast."""
FLOAT16_CAPABILITY: Final = (7, 0)
"""From which compute capability on an NVIDIA GPU multiplies float16 faster than float32: Volta."""


class SavedModelEngine:
    """One SavedModel in memory.

    Args:
        bundle: what is loaded.
        trusted: its graph is not checked.
        precisions: of them the fastest is chosen when it is warmed.
        compiled: try also what XLA makes of each batch size.
        device: where it runs, as TensorFlow names it, such as "GPU:0".
    """

    def __init__(
        self,
        bundle: Bundle,
        trusted: bool = False,
        precisions: tuple[Precision, ...] = ("float32",),
        compiled: bool = False,
        device: str = "CPU:0",
    ) -> None:
        if not trusted:
            check_operations(bundle.path)
        self._device = device
        with tf.device(device):
            self._module = load_module(bundle.path)  # keeps the weights alive
        self._function = self._module.signatures[SIGNATURE]
        check_signature(bundle, self._function)
        check_weights(self._function)
        self._path, self._latent_dim = bundle.path, bundle.manifest.latent_dim
        self._precisions, self._compiled = precisions, compiled
        self._default = caller(self._function, precisions[0], device)
        self._draw: dict[int, Draw] = {}
        """By the rows of a batch, once it is warm."""
        self.precision: str = precisions[0]
        """Of the pixels."""
        self.fingerprint = ""
        self._projector: GraphProjector | None = None

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        """See `Engine.warm`."""
        width = narrowest(read_graph(self._path))
        latents = latents_of(range(CHECKED), self._latent_dim)
        with unrounded(self._path, self._device) as twin:
            found = {}
            for precision in self._precisions:
                try:
                    variants = self._variants(precision, twin)
                    if twin is not None:
                        check_numbers(do(partial(untimed, variants[0].bits, latents))[0])
                    found[precision] = warm_up(variants, self._latent_dim, max_batch, do, width)
                except EngineError as error:
                    if precision == self._precisions[0]:
                        raise
                    logger.warning("%s: not in %s: %s", self._path, precision, error)
        self.precision = fastest(found)
        warmed, self.fingerprint = found[self.precision]
        self._draw = {size.run: variant.draw for size, variant in warmed}
        if self._compiled or len(found) > 1:
            chosen = ", ".join(f"{size.rows} {variant.name}" for size, variant in warmed)
            logger.info("%s: %s; batches: %s", self._path, self.precision, chosen)
        return tuple(size for size, _ in warmed)

    def run(self, latents: Latents) -> Pixels:
        """See `Engine.run`."""
        return self._draw.get(len(latents), self._default)(latents)

    def memory(self) -> Memory | None:
        """See `Engine.memory`."""
        if not self._device.startswith("GPU"):
            return None
        info = tf.config.experimental.get_memory_info(self._device)
        return Memory(info["current"], info["peak"])

    def projector(self) -> Projector:
        """See `Engine.projector`."""
        if self._projector is None:
            self._projector = GraphProjector(self._function, self._device)
        return self._projector

    def _variants(self, precision: Precision, twin: Any) -> list[Variant]:  # noqa: ANN401 (TensorFlow has no types)
        """The ways to run it in a precision: as a graph, and as XLA compiles it, which knows float32 alone."""
        ways: list[tuple[str, Callable[[Any], Draw]]] = [
            ("graph", partial(caller, precision=precision, device=self._device))
        ]
        if self._compiled and precision == "float32":
            ways.append(("XLA", partial(compiler, device=self._device)))
        return [Variant(name, make(self._function), make(twin or self._function)) for name, make in ways]


def untimed(bits: Draw, latents: Latents) -> tuple[NDArray[Any], float]:
    """A run whose time does not matter."""
    return bits(latents), 0.0


def fastest(found: dict[Precision, Warmed]) -> Precision:
    """The first of some precisions, unless another makes an image `WORTH` times as fast; then the fastest."""

    def seconds(precision: Precision) -> float:
        return min(size.seconds / size.rows for size, _ in found[precision].sizes)

    first, best = next(iter(found)), min(found, key=seconds)
    return best if seconds(first) >= WORTH * seconds(best) else first


def load_module(folder: Path) -> Any:  # noqa: ANN401 (TensorFlow has no types)
    """A SavedModel that has the signature.

    Raises:
        EngineError: TensorFlow cannot load it.
    """
    try:
        module = tf.saved_model.load(str(folder))
        module.signatures[SIGNATURE]
    except Exception as error:  # of a damaged file TensorFlow raises nearly anything
        raise EngineError(f"TensorFlow cannot load it: {first_line(error)}") from error
    return module


def caller(function: Any, precision: Precision = "float32", device: str = "CPU:0") -> Draw:  # noqa: ANN401
    """What calls a signature in a precision.

    It calls the operation that TensorFlow's own wrapper calls, without checking and sorting the arguments anew each
    time, which takes 0.4 ms.
    """
    config = ConfigProto()
    if precision in REWRITES:
        setattr(config.graph_options.rewrite_options, REWRITES[precision], RewriterConfig.ON)
    return drawing(operation(function, config.SerializeToString()), device)


def compiler(function: Any, device: str = "CPU:0") -> Draw:  # noqa: ANN401
    """What calls a signature as XLA compiles it, once for each number of rows."""
    latents = function.structured_input_signature[1]["latents"]
    call = tf.function(operation(function, b""), input_signature=[latents], jit_compile=True, autograph=False)
    return drawing(call, device)


def operation(function: Any, config: bytes) -> Callable[[Any], Any]:  # noqa: ANN401
    """A signature as one operation: from latents to images."""
    weights, kinds = list(function.captured_inputs), [tensor.dtype for tensor in function.outputs]
    place = sorted(function.structured_outputs).index("images")

    def call(latents: Any) -> Any:  # noqa: ANN401
        arguments = [latents, *weights]
        return tf.raw_ops.StatefulPartitionedCall(args=arguments, Tout=kinds, f=function, config_proto=config)[place]

    return call


def drawing(call: Callable[[Any], Any], device: str) -> Draw:
    """The same from arrays to arrays, on a device, with an EngineError of one line if it fails."""

    def draw(latents: Latents) -> NDArray[Any]:
        try:
            with tf.device(device):
                images: NDArray[Any] = call(tf.constant(latents)).numpy()
        except tf.errors.OpError as error:
            raise EngineError(f"inference failed: {first_line(error)}") from error
        return images

    return draw


@contextmanager
def unrounded(folder: Path, device: str = "CPU:0") -> Iterator[Any]:
    """The signature of a SavedModel before it rounds to 8 bits, or None where that is not to be had."""
    model = read_graph(folder)
    if not leave_unrounded(model):
        logger.warning("%s: no rounding was found in its graph, so batch sizes are compared by their pixels", folder)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="figment-") as twin:
        (Path(twin) / GRAPH).write_bytes(model.SerializeToString())
        (Path(twin) / "variables").symlink_to((folder / "variables").resolve())
        try:
            with tf.device(device):
                module = load_module(Path(twin))
            function = module.signatures[SIGNATURE]
            caller(function, device=device)(
                np.zeros([1, function.structured_input_signature[1]["latents"].shape[1]], np.float32)
            )
        except Exception as error:  # TensorFlow raises nearly anything where a graph does not fit together
            logger.warning("%s: batch sizes are compared by their pixels: %s", folder, first_line(error))
            yield None
            return
        yield function


def open_device(
    device: Literal["auto", "cpu", "gpu"], trusted: bool = False, precision: Precision | Literal["auto"] = "float32"
) -> Loader:
    """Choose where inference runs, before the first operation; returns what loads bundles onto it.

    A GPU's memory is taken as it is needed, not all at once, and its float32 is float32, not TensorFloat-32. With
    `trusted` graphs may do whatever TensorFlow can.

    Raises:
        EngineError: `gpu`, and TensorFlow sees none; or a precision that the device does not have.
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
        tf.config.experimental.enable_tensor_float_32_execution(False)
    on_gpu = bool(gpus) and device != "cpu"
    fast = fast_precisions(gpus[0] if on_gpu else None)
    if precision == ("bfloat16" if on_gpu else "float16"):
        raise EngineError(
            f"FIGMENT_PRECISION={precision}: TensorFlow has float16 for GPUs and bfloat16 for processors; give "
            f"FIGMENT_PRECISION={'float16' if on_gpu else 'bfloat16'}, float32 or auto"
        )
    if precision not in ("auto", "float32", *fast):
        logger.warning("FIGMENT_PRECISION=%s: this device has no instructions for it, and is slower with it", precision)
    logger.info("TensorFlow %s on the %s", tf.__version__, "GPU" if on_gpu else "CPU")
    if trusted:
        logger.warning("FIGMENT_TRUST=all: graphs are not checked; a model can read and write files of this machine")
    precisions: tuple[Precision, ...] = ("float32", *fast) if precision == "auto" else (precision,)
    # XLA on a processor was slower at every batch size.
    place = "GPU:0" if on_gpu else "CPU:0"
    return partial(SavedModelEngine, trusted=trusted, precisions=precisions, compiled=on_gpu, device=place)


def fast_precisions(gpu: Any) -> tuple[Precision, ...]:  # noqa: ANN401
    """The precisions, beside float32, that a GPU, or the processor if it is None, has instructions for."""
    if gpu is None:
        return ("bfloat16",) if BFLOAT16_FLAGS & cpu_flags() else ()
    capability = tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
    return ("float16",) if tuple(capability) >= FLOAT16_CAPABILITY else ()
