"""What can be opened, and what a file may not bring along."""

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from bundle.store import Bundle
from tests.training.importing.foreign import LATENT_DIM, Raw, keras_generator, save
from training.importing.opening import folder_digest, layer_classes
from training.importing.questions import Refused

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras itself, in saving
]

Bring = Callable[..., Bundle]


@keras.saving.register_keras_serializable("tests")
class Own(keras.layers.Layer):
    """A layer of one's own."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * 2.0


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_is_code_and_not_loaded(tmp_path: Path, bring: Bring, suffix: str) -> None:
    latents = keras.Input([LATENT_DIM])
    inner = keras.Sequential([keras.Input([LATENT_DIM]), keras.layers.Lambda(lambda x: x * 2.0)])
    keras.Model(latents, inner(latents)).save(tmp_path / f"model{suffix}")
    with pytest.raises(Refused, match=r"Lambda layer: Python code.*model\.export"):
        bring(tmp_path / f"model{suffix}")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_layers_of_ones_own_need_their_code(
    tmp_path: Path, bring: Bring, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = keras.Input([LATENT_DIM])
    keras.Model(latents, Own()(latents)).save(tmp_path / f"model{suffix}")
    keras.saving.get_custom_objects().clear()
    monkeypatch.setattr(keras.src.saving.object_registration, "GLOBAL_CUSTOM_OBJECTS", {})
    with pytest.raises(Refused, match=r"Keras cannot load .*layers of one's own.*model\.export"):
        bring(tmp_path / f"model{suffix}")


def test_weights_alone_are_refused(tmp_path: Path, bring: Bring) -> None:
    keras_generator().save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(Refused, match="weights alone"):
        bring(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_keras_file_is_refused(tmp_path: Path, bring: Bring, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match="damaged, or no Keras file"):
        bring(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "does not exist"), ("frozen.pb", "frozen graph of TensorFlow 1"),
        ("model.onnx", "neither a SavedModel"),
        ("empty", "holds no saved_model.pb"), ("damaged", "damaged, or no SavedModel|holds no graph"),
        ("nothing", "holds no graph"),
    ],
)  # fmt: skip
def test_what_is_no_saved_model_is_refused(tmp_path: Path, bring: Bring, name: str, reason: str) -> None:
    for file in ("frozen.pb", "model.onnx"):
        (tmp_path / file).write_bytes(b"graph")
    for folder, content in (("damaged", b"\xff" * 50), ("nothing", b"")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "saved_model.pb").write_bytes(content)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match=reason):
        bring(tmp_path / name)


def test_a_saved_model_without_variables_is_refused(tmp_path: Path, bring: Bring) -> None:
    path = save(tmp_path / "foreign", Raw())
    for file in (path / "variables").iterdir():
        file.unlink()
    with pytest.raises(Refused, match="TensorFlow cannot load"):
        bring(path)


def test_a_saved_model_without_signature_is_refused(tmp_path: Path, bring: Bring) -> None:
    tf.saved_model.save(Raw(), str(tmp_path / "foreign"))
    with pytest.raises(Refused, match="has no signature"):
        bring(tmp_path / "foreign")


def test_a_saved_model_of_tensorflow_1_is_refused(tmp_path: Path, bring: Bring) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        z = tf.compat.v1.placeholder(tf.float32, [None, 48])
        tensors = {"z": z}, {"images": tf.reshape(z, [-1, 4, 4, 3])}
        builder = tf.compat.v1.saved_model.builder.SavedModelBuilder(str(tmp_path / "foreign"))
        signature = tf.compat.v1.saved_model.predict_signature_def(*tensors)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    with pytest.raises(Refused, match="TensorFlow 1's format"):
        bring(tmp_path / "foreign")


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = folder_digest(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert len({first, second, folder_digest(tmp_path)}) == 3


def test_layer_classes_are_found_however_deep() -> None:
    nested = {
        "class_name": "Functional",
        "config": {"layers": [{"class_name": "Lambda"}, {"config": [{"class_name": "A"}]}]},
    }
    assert layer_classes(nested) == {"Functional", "Lambda", "A"}
    assert layer_classes({"class_name": 3}) == set()
