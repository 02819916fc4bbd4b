from types import SimpleNamespace
from typing import Any

import pytest

from service.engine.tails import narrowest, padding


def node(op: str, *sides: int, unknown: bool = False, told: bool = True) -> Any:  # noqa: ANN401
    shape = SimpleNamespace(dim=[SimpleNamespace(size=side) for side in sides], unknown_rank=unknown)
    value = SimpleNamespace(list=SimpleNamespace(shape=[shape]))
    return SimpleNamespace(op=op, attr={"_output_shapes": value} if told else {})


def graph(*nodes: Any) -> Any:  # noqa: ANN401
    function = SimpleNamespace(node_def=nodes)
    definition = SimpleNamespace(library=SimpleNamespace(function=[function]))
    return SimpleNamespace(meta_graphs=[SimpleNamespace(graph_def=definition)])


@pytest.mark.parametrize(
    ("nodes", "width"),
    [
        ([], None),
        ([node("Tanh", -1, 64, 64, 3)], None),  # a multiple of 16
        ([node("Relu", -1, 5), node("MatMul", -1, 5), node("Sqrt", -1, 5)], None),  # exact
        ([node("Log", 45)], None),  # of no row
        ([node("Erfc", -1, 45), node("Softmax", -1, 10), node("Tanh", -1, 64, 64, 3)], 10),
        ([node("Rsqrt", -1, 1)], 1),
        ([node("Exp", told=False)], 1),
        ([node("Exp", -1, -1)], 1),
        ([node("Exp", unknown=True)], 1),
    ],
)
def test_the_narrowest_row_that_leaves_numbers_over(nodes: list[Any], width: int | None) -> None:
    assert narrowest(graph(*nodes)) == width


@pytest.mark.parametrize(
    ("width", "rows"),
    [
        (None, [0, 0, 0, 0, 0, 0, 0]),
        (45, [1, 1, 1, 1, 0, 0, 0]),
        (10, [1, 2, 2, 2, 0, 0, 0]),
        (1, [1, 2, 4, 8, 0, 0, 0]),
    ],
)
def test_so_many_rows_are_padding(width: int | None, rows: list[int]) -> None:
    assert [padding(size, width) for size in (1, 2, 4, 8, 16, 32, 64)] == rows
