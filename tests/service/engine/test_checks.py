"""What a graph must be, on real, small SavedModels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.errors import InvalidBundle
from bundle.store import Store
from service.engine.protocol import EngineError

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("effect", ["WriteFile", "ReadFile", "EagerPyFunc", "PrintV2"])
def test_a_graph_that_reaches_outside_is_refused_by_the_name_of_what_it_does(
    writing: Callable[[str], Path], tmp_path: Path, effect: str
) -> None:
    from service.engine.checks import check_operations

    with pytest.raises(InvalidBundle, match=f"its graph holds .*{effect}.*FIGMENT_TRUST=all"):
        check_operations(writing(effect))
    assert not (tmp_path / "written").exists()


def test_an_operation_that_tensorflow_does_not_have_is_refused_by_name(real_store: Store, tmp_path: Path) -> None:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from service.engine.checks import check_operations

    model = SavedModel()
    model.ParseFromString((real_store.open("tiny").path / "saved_model.pb").read_bytes())
    model.meta_graphs[0].graph_def.node.add(name="own", op="SomebodysOwnKernel")
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidBundle, match="SomebodysOwnKernel: operations that this TensorFlow does not have"):
        check_operations(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    import tensorflow as tf

    from service.engine.checks import check_weights

    weights = tf.Variable([1.0, value])
    function = tf.function(lambda: weights * 2.0).get_concrete_function()
    with pytest.raises(EngineError, match="not a number"):
        check_weights(function)
    weights.assign([1.0, 2.0])
    check_weights(function)
