"""A generator whose pixels are left unrounded, so that batch sizes can be compared to the last bit.

Sums that are made in another order differ in their last bits. Rounding to 8 bits hides that in nearly every image, and
then one pixel of one image in some hundreds differs by one: comparing the pixels of a few images does not find it,
comparing the numbers before they are rounded finds it in the first.
"""

from typing import Any, Final

UINT8: Final = 4
"""TensorFlow's number for uint8 (`types.proto`)."""
SHAPES: Final = "_output_shapes"


def leave_unrounded(model: Any) -> bool:  # noqa: ANN401 (TensorFlow's SavedModel message)
    """Let a graph answer, instead of its rounded pixels, the bytes of the float32 numbers before.

    Where a cast to uint8 has a rounding before it, with nothing but clipping between, a bitcast of what goes into the
    rounding takes its place: uint8 [n, height, width, channels] becomes uint8 [n, height, width, channels, 4].

    Args:
        model: the message, which is changed.

    Returns:
        Whether there was such a place.
    """
    graph, found = model.meta_graphs[0].graph_def, False
    for function in graph.library.function:
        nodes = {node.name: node for node in function.node_def}
        for node in function.node_def:
            source = _before_rounding(node, nodes) if node.op == "Cast" and node.attr["DstT"].type == UINT8 else None
            if source is not None:
                _bitcast(node, source, function)
                found = True
    if found:  # what is written there of shapes is no longer true
        for node in (*graph.node, *(node for function in graph.library.function for node in function.node_def)):
            if SHAPES in node.attr:
                del node.attr[SHAPES]
            if node.op == "EnsureShape":
                node.op = "Identity"
                del node.attr["shape"]
    return found


def _before_rounding(node: Any, nodes: dict[str, Any]) -> str | None:  # noqa: ANN401
    """What goes into the rounding that a cast takes its numbers from, or None."""
    while node.op in ("Cast", "Minimum", "Maximum", "ClipByValue", "Identity") and node.input:
        before = nodes.get(node.input[0].split(":")[0])
        if before is None:
            return None
        node = before
    return str(node.input[0]) if node.op == "Round" else None


def _bitcast(node: Any, source: str, function: Any) -> None:  # noqa: ANN401
    before, after = f"{node.name}:y:0", f"{node.name}:output:0"  # as the two operations call their outputs
    kind = node.attr["SrcT"].type
    node.op, node.input[:] = "Bitcast", [source]
    for name in list(node.attr):
        del node.attr[name]
    node.attr["T"].type, node.attr["type"].type = kind, UINT8
    for other in function.node_def:
        other.input[:] = [after if name == before else name for name in other.input]
    for name, value in function.ret.items():
        if value == before:
            function.ret[name] = after
