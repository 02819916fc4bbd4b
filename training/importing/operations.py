"""What the operations of a foreign graph could do to this machine, read from the file before anything of it runs."""

import re
from collections.abc import Iterable, Iterator

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from training.importing.questions import Refused

OUTSIDE = re.compile(
    r"File|PyFunc|Save|Restore|Checkpoint|Reader|Dataset|Iterator|Summary|^Print|^Debug|DumpTensor|ImmutableConst"
    r"|VocabRemapping|LoadAndRemap|Remote|Rpc|^_?Host(Send|Recv)$|^_?(Send|Recv)$|Lmdb|BigQuery|Composite"
)
"""Operations that read or write files, call Python, or talk to other machines; a generator needs none of them.

`Print` may write to a file, `ImmutableConst` maps one, `InitializeTableFromTextFile` reads one.
"""


def check_operations(model: SavedModel) -> None:
    """Refuse a graph that holds operations of the `OUTSIDE`.

    All that TensorFlow's loader or a caller can run is looked at: every node of the main graph and every
    function they, the signatures or the initialisers of resources call, however deep. Left out are the two functions
    that write and read the variables: the loader runs its own instead of them, and so does the bundle.

    Raises:
        Refused: names the operations.
    """
    if found := sorted({name for name in operations(model) if OUTSIDE.search(name)}):
        raise Refused(
            f"the graph holds {', '.join(found)}: operations that reach files, Python or other machines, which a "
            "generator does not need; --trust takes it nevertheless, if you trust whoever made it"
        )


def operations(model: SavedModel) -> set[str]:
    """The names of all operations that the graph can run, without those of its saver."""
    graph = model.meta_graphs[0]
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    saver = {name.split(":")[0] for name in (graph.saver_def.save_tensor_name, graph.saver_def.restore_op_name)}
    nodes = [node for node in graph.graph_def.node if node.name not in saver]
    waiting = [*graph.object_graph_def.concrete_functions, *_called(nodes)]
    found, seen = {node.op for node in nodes}, set()
    while waiting:
        name = waiting.pop()
        if name in functions and name not in seen:
            seen.add(name)
            body = functions[name].node_def
            found |= {node.op for node in body}
            waiting += _called(body)
    return found - functions.keys()


def _called(nodes: Iterable[object]) -> Iterator[str]:
    for node in nodes:
        yield node.op  # type: ignore[attr-defined]  # a function can be called as if it were an operation
        for value in node.attr.values():  # type: ignore[attr-defined]
            yield from (value.func.name, *(function.name for function in value.list.func))
