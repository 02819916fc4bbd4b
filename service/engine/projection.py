"""From latents to their distance from a picture, and its gradient, by TensorFlow.

A generator's graph ends in a rounding to 8 bits, and that has no gradient. So what is differentiated is the graph up to
there: its functions are put into each other, the numbers that go into the rounding are looked up, and a new function
answers them. It uses the weights of the one that is served, not a copy.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework import convert_to_constants  # no public name puts functions into each other

from bundle.latents import latents_of
from service.engine.checks import first_line
from service.engine.protocol import EngineError, Latents, Measured, Pixels

logger = logging.getLogger("figment.engine")

LEVELS: Final = 4
"""Sizes at which pictures are compared: the whole, half, a quarter, an eighth. The small ones have no fine detail that
must fit to the pixel, and lead from afar."""
SMALLEST: Final = 4
"""Pixels of the shorter side that the smallest of them has at least."""
AFTER: Final = ("Identity", "EnsureShape", "Cast", "Minimum", "Maximum", "ClipByValue")
ROUNDING: Final = ("Round", "Rint", "Floor")


class GraphProjector:
    """A `Projector` of a SavedModel's signature: latents float32 [n, latent_dim] → images uint8 [n, h, w, c].

    Args:
        function: the signature, as TensorFlow loaded it.
        device: where it runs, as TensorFlow names it.

    Raises:
        EngineError: not even its pixels can be compared.
    """

    def __init__(self, function: Any, device: str = "CPU:0") -> None:  # noqa: ANN401 (TensorFlow has no types)
        self._device, self._function = device, function  # keeps the weights alive
        with tf.device(device):
            floats = numbers_before_rounding(function)
            self._measure, self._slope = comparing(floats or pixels_as_numbers(function), function)
        self.differentiable = floats is not None and self._has_gradient()

    def measure(self, latents: Latents, target: Pixels) -> Measured:
        """See `Projector.measure`."""
        return Measured(*self._run(self._measure, latents, target))

    def slope(self, latents: Latents, target: Pixels) -> Measured:
        """See `Projector.slope`."""
        return Measured(*self._run(self._slope, latents, target))

    def _has_gradient(self) -> bool:
        """Whether a gradient is there, finite, and not zero everywhere."""
        images = self._function.structured_outputs["images"]
        try:
            measured = self.slope(
                latents_of(range(2), spec_of(self._function).shape[1]), np.zeros(images.shape[1:], np.uint8)
            )
        except Exception as error:  # of an operation without a gradient it is a LookupError, others have their own
            logger.warning("the graph has no gradient: %s", first_line(error))
            return False
        gradients = measured.gradients
        found = gradients is not None and bool(np.isfinite(gradients).all() and gradients.any())
        if not found:
            logger.warning("the graph has no gradient: it is zero everywhere, or infinite")
        return found

    def _run(self, compare: Any, latents: Latents, target: Pixels) -> list[NDArray[np.float32]]:  # noqa: ANN401
        try:
            with tf.device(self._device):
                return [each.numpy() for each in compare(tf.constant(latents), tf.constant(target))]
        except tf.errors.OpError as error:
            raise EngineError(f"inference failed: {first_line(error)}") from error


Function = Callable[[Any], Any]
"""From a tensor float32 [n, latent_dim] to float32 [n, height, width, channels], about 0 … 255."""


def numbers_before_rounding(function: Any) -> Function | None:  # noqa: ANN401
    """The part of a signature before it rounds, or None where that is not to be had."""
    try:
        graph = convert_to_constants._run_inline_graph_optimization(function, False, True)
        source = before_rounding(graph, function.outputs[0].name)
        if source is None:
            logger.warning("no numbers before a rounding were found in the graph: it has no gradient")
            return None
        names = [tensor.name for tensor in function.inputs]
        weights = list(function.captured_inputs)

        def floats(latents: Any) -> Any:  # noqa: ANN401
            inputs = dict(zip(names, [latents, *map(tf.convert_to_tensor, weights)], strict=True))
            (found,) = tf.graph_util.import_graph_def(graph, inputs, [source], name="")
            return tf.cast(found, tf.float32)

        made = tf.function(floats, input_signature=[spec_of(function)], autograph=False)
        made.get_concrete_function()
    except Exception as error:  # TensorFlow raises nearly anything where a graph does not fit together
        logger.warning("the graph has no gradient: %s", first_line(error))
        return None
    return made  # type: ignore[no-any-return]


def before_rounding(graph: Any, output: str) -> str | None:  # noqa: ANN401 (TensorFlow's GraphDef)
    """The name of the tensor that goes into the rounding of a graph's output, or into its cast to whole numbers."""
    nodes = {node.name: node for node in graph.node}
    name, cast = output, None
    while (node := nodes.get(name.split(":")[0])) is not None and node.input:
        if node.op in ROUNDING:
            return tensor_name(node.input[0])
        if node.op not in AFTER:
            break
        if node.op == "Cast" and node.attr["SrcT"].type in (tf.float32.as_datatype_enum, tf.float64.as_datatype_enum):
            cast = tensor_name(node.input[0])
        name = node.input[0]
    return cast


def tensor_name(text: str) -> str:
    """A graph's name of a node's first output, made a tensor's."""
    return text if ":" in text else f"{text}:0"


def pixels_as_numbers(function: Any) -> Function:  # noqa: ANN401
    """What a signature draws, as float32."""
    return lambda latents: tf.cast(function(latents=latents)["images"], tf.float32)


def comparing(floats: Function, function: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Two compiled functions of latents and a picture: distances and losses; and the same with gradients."""
    shape = function.structured_outputs["images"].shape[1:]
    signature = [spec_of(function), tf.TensorSpec(shape, tf.uint8)]

    def measure(latents: Any, target: Any) -> tuple[Any, Any]:  # noqa: ANN401
        drawn, wanted = floats(latents) / 255.0, tf.cast(target, tf.float32)[tf.newaxis] / 255.0
        distances = mean_squares(tf.clip_by_value(drawn, 0.0, 1.0) - wanted)
        return distances, pyramid(drawn - wanted, shape)

    def slope(latents: Any, target: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
        with tf.GradientTape() as tape:
            tape.watch(latents)
            distances, losses = measure(latents, target)
        return distances, losses, tape.gradient(losses, latents, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return (
        tf.function(measure, input_signature=signature, autograph=False),
        tf.function(slope, input_signature=signature, autograph=False),
    )


def pyramid(difference: Any, shape: Any) -> Any:  # noqa: ANN401
    """The sum of the mean squares of differences, float32 [n, h, w, c] of `shape` [h, w, c], at each size: [n].

    The mean of 2 × 2 pixels of the difference is the difference of both pictures at half the size.
    """
    total = mean_squares(difference)
    for level in range(1, LEVELS):
        if min(shape[0], shape[1]) >> level < SMALLEST:
            break
        difference = tf.nn.avg_pool2d(difference, 2, 2, "VALID")
        total += mean_squares(difference)
    return total


def mean_squares(difference: Any) -> Any:  # noqa: ANN401
    """The mean square of each image's numbers: [n]."""
    return tf.reduce_mean(difference**2, [1, 2, 3])


def spec_of(function: Any) -> Any:  # noqa: ANN401
    """What a signature takes: float32 [None, latent_dim]."""
    spec = function.structured_input_signature[1]["latents"]
    return tf.TensorSpec(spec.shape, spec.dtype)
