"""A graph is plain data here: what TensorFlow's message looks like, without TensorFlow."""

from types import SimpleNamespace
from typing import Any

import pytest

from bundle.operations import operations, reaching_outside


def node(op: str, name: str = "", calls: str = "") -> Any:  # noqa: ANN401
    value = SimpleNamespace(func=SimpleNamespace(name=calls), list=SimpleNamespace(func=[]))
    return SimpleNamespace(op=op, name=name or op, attr={"f": value} if calls else {})


def function(name: str, *nodes: Any) -> Any:  # noqa: ANN401
    return SimpleNamespace(signature=SimpleNamespace(name=name), node_def=nodes)


def graph(nodes: list[Any], functions: list[Any], concrete: list[str] | None = None) -> Any:  # noqa: ANN401
    return SimpleNamespace(
        meta_graphs=[
            SimpleNamespace(
                graph_def=SimpleNamespace(node=nodes, library=SimpleNamespace(function=functions)),
                saver_def=SimpleNamespace(save_tensor_name="save:0", restore_op_name="restore"),
                object_graph_def=SimpleNamespace(concrete_functions=concrete or []),
            )
        ]
    )


def test_operations_are_found_however_deep_they_are_called() -> None:
    called = [function("outer", node("PartitionedCall", calls="inner")), function("inner", node("ReadFile"))]
    assert operations(graph([node("MatMul"), node("PartitionedCall", calls="outer")], called)) == {
        "MatMul", "PartitionedCall", "ReadFile",
    }  # fmt: skip
    assert reaching_outside(graph([], called, concrete=["outer"])) == ["ReadFile"]
    assert reaching_outside(graph([node("outer")], called)) == ["ReadFile"]  # as if it were an operation


def test_what_nothing_calls_and_the_saver_of_every_graph_do_not_count() -> None:
    dead = function("dead", node("WriteFile"))
    saver = function("saving", node("SaveV2"))
    assert reaching_outside(graph([node("PartitionedCall", name="save", calls="saving")], [dead, saver])) == []


@pytest.mark.parametrize(
    "name",
    ["WriteFile", "ReadFile", "PyFunc", "EagerPyFunc", "SaveV2", "PrintV2", "ImmutableConst", "IteratorGetNext",
     "InitializeTableFromTextFileV2", "TextLineReaderV2", "DebugIdentityV2", "_Send", "RemoteCall", "LMDBReader"],
)  # fmt: skip
def test_operations_of_the_outside(name: str) -> None:
    assert reaching_outside(graph([node(name)], [])) == [name]


@pytest.mark.parametrize("name", ["MatMul", "Conv2DBackpropInput", "Tanh", "VarHandleOp", "ReadVariableOp", "Round"])
def test_operations_of_a_generator(name: str) -> None:
    assert reaching_outside(graph([node(name)], [])) == []
