"""Where the last rows of a batch may be computed otherwise than the others, read from a graph.

A processor computes functions such as exp and log for several numbers at once, by an approximation, and the few that
are left at the end of a tensor one by one, by another. Which numbers are left depends on how many rows there are, and
so a row's last bits may depend on whether it is the last. With a multiple of `LANES` numbers a row, or rows, none is.
"""

from typing import Any, Final

LANES: Final = 16
"""float32 numbers that a processor computes at once, at most (AVX-512)."""
APPROXIMATED: Final = frozenset({
    "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "Cos", "Cosh", "Digamma", "Elu", "Erf", "Erfc",
    "Erfinv", "Exp", "Expm1", "Lgamma", "Log", "Log1p", "LogSoftmax", "Ndtri", "Pow", "Rsqrt", "Selu", "Sigmoid", "Sin",
    "Sinh", "Softmax", "Softplus", "Tan", "Tanh", "Xlogy",
})  # fmt: skip
"""Functions of one number each that are approximated; sums, products and roots are exact in any case."""


def narrowest(model: Any) -> int | None:  # noqa: ANN401 (TensorFlow's SavedModel message)
    """The fewest numbers a row that an approximated function works on, of those that are no multiple of `LANES`.

    None if there is no such function; 1 where a graph does not say how many there are.
    """
    found = []
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op in APPROXIMATED:
                width = _numbers_a_row(node)
                if width % LANES:
                    found.append(width)
    return min(found, default=None)


def padding(size: int, width: int | None) -> int:
    """How many rows at the end of a batch of `size` must be padding, so that no other row is computed otherwise."""
    if width is None or size % LANES == 0:
        return 0
    return min(size, -(-(LANES - 1) // width))


def _numbers_a_row(node: Any) -> int:  # noqa: ANN401
    if "_output_shapes" not in node.attr or not node.attr["_output_shapes"].list.shape:
        return 1
    shape = node.attr["_output_shapes"].list.shape[0]
    sides = [side.size for side in shape.dim]
    if shape.unknown_rank or not sides or any(side < 0 for side in sides[1:]):
        return 1
    if sides[0] >= 0:  # the same for every batch
        return 0
    numbers = 1
    for side in sides[1:]:
        numbers *= side
    return numbers
