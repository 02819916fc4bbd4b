"""What the operations of a SavedModel's graph could do to a machine, read from the file before anything of it runs.

The graph is a `SavedModel` message, as whoever has TensorFlow parses it; nothing of TensorFlow is needed here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

OUTSIDE = re.compile(
    r"File|PyFunc|Save|Restore|Checkpoint|Reader|Dataset|Iterator|Summary|^Print|^Debug|DumpTensor|ImmutableConst"
    r"|VocabRemapping|LoadAndRemap|RecordInput|FixedUnigram|Remote|Rpc|^_?Host(Send|Recv)$|^_?(Send|Recv)$|Lmdb|BigQuery|Composite"
)
"""Operations that read or write files, call Python, or talk to other machines; a generator needs none of them.

`Print` may write to a file, `ImmutableConst` maps one, `InitializeTableFromTextFile` reads one.
"""


def reaching_outside(model: Any) -> list[str]:  # noqa: ANN401 (a message of TensorFlow)
    """The names of the operations of the `OUTSIDE`, sorted."""
    return sorted(name for name in operations(model) if OUTSIDE.search(name))


def operations(model: Any) -> set[str]:  # noqa: ANN401
    """The names of all operations that TensorFlow's loader or a caller can run.

    Every node of the main graph counts and of every function they, the signatures or the initialisers of resources
    call, however deep. Left out are the two functions that write and read the variables: the loader runs its own
    instead of them.
    """
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
    return set(found - functions.keys())


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        yield node.op  # a function can be called as if it were an operation
        for value in node.attr.values():
            yield from (value.func.name, *(function.name for function in value.list.func))
