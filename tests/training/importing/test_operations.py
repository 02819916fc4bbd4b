"""A graph that reaches files, Python or other machines is refused before it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bundle.operations import OUTSIDE, operations
from bundle.store import Bundle
from tests.training.importing.foreign import Raw, keras_generator, save
from training.importing.questions import Refused

pytestmark = pytest.mark.tensorflow

Bring = Callable[..., Bundle]


def read(folder: Path) -> SavedModel:
    model = SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    return model


def with_effect(raw: Raw, effect: Callable[[], object]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Draws, and does something else in a branch deep inside, which is never taken."""

    @tf.function
    def inner(z: tf.Tensor) -> tf.Tensor:
        if tf.reduce_sum(z) > 1e9:
            effect()
        return raw.draw(z)

    return lambda z: inner(z)


EFFECTS: dict[str, Callable[[str], object]] = {
    "WriteFile": lambda path: tf.io.write_file(path, "x"),
    "ReadFile": lambda path: tf.io.read_file(path),
    "MatchingFiles": lambda path: tf.io.matching_files(path),
    "PrintV2": lambda path: tf.print("x", output_stream=f"file://{path}"),
    "SaveV2": lambda path: tf.raw_ops.SaveV2(prefix=path, tensor_names=["a"], shape_and_slices=[""], tensors=[1.0]),
    "RestoreV2": lambda path: tf.raw_ops.RestoreV2(
        prefix=path, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    ),
    "EagerPyFunc": lambda path: tf.py_function(lambda: 1.0, [], tf.float32),
    "ImmutableConst": lambda path: tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[1], memory_region_name=path),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_operations_that_reach_out_are_refused_by_name(tmp_path: Path, bring: Bring, name: str) -> None:
    raw, target = Raw(), str(tmp_path / "target")
    path = save(tmp_path / "foreign", raw, draw=with_effect(raw, lambda: EFFECTS[name](target)))
    with pytest.raises(Refused, match=f"the graph holds .*{name}.*--trust"):
        bring(path)
    assert not Path(target).exists()


def test_what_is_trusted_is_taken(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()
    path = save(tmp_path / "foreign", raw, draw=with_effect(raw, lambda: EFFECTS["WriteFile"](str(tmp_path / "x"))))
    assert bring(path, trust=True).manifest.recipe == "imported"


def test_a_table_filled_from_a_file_at_loading_is_refused(tmp_path: Path, bring: Bring) -> None:
    (tmp_path / "words").write_text("a\nb\n")
    raw = Raw()
    initialiser = tf.lookup.TextFileInitializer(
        str(tmp_path / "words"), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )  # fmt: skip
    raw.table = tf.lookup.StaticHashTable(initialiser, -1)
    with pytest.raises(Refused, match="InitializeTableFromTextFileV2"):
        bring(save(tmp_path / "foreign", raw))


def test_the_saver_of_every_saved_model_is_not_counted(tmp_path: Path) -> None:
    found = operations(read(save(tmp_path / "raw", Raw())))
    assert {"MatMul", "Tanh"} <= found
    assert not {name for name in found if OUTSIDE.search(name)}
    keras_generator().export(tmp_path / "keras", verbose=False)
    assert not {name for name in operations(read(tmp_path / "keras")) if OUTSIDE.search(name)}


def test_a_saver_that_is_called_from_elsewhere_is_counted(tmp_path: Path) -> None:
    model = read(save(tmp_path / "foreign", Raw()))
    graph = model.meta_graphs[0]
    saver = next(n for n in graph.graph_def.node if n.name == graph.saver_def.save_tensor_name.split(":")[0])
    graph.graph_def.node.add(name="innocent", op="StatefulPartitionedCall").attr["f"].CopyFrom(saver.attr["f"])
    assert "SaveV2" in operations(model)


@pytest.mark.parametrize(
    "op",
    [
        "Conv2D", "Conv2DBackpropInput", "FusedBatchNormV3", "RandomStandardNormal", "While", "StatelessIf",
        "ReadVariableOp", "VarHandleOp", "DepthToSpace", "PreventGradient",
    ],
)  # fmt: skip
def test_what_generators_need_is_not_refused(op: str) -> None:
    assert not OUTSIDE.search(op)
