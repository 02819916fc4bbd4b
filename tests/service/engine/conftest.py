from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def writing(tmp_path: Path) -> Callable[[str], Path]:
    """A SavedModel that has an effect, in a function inside its signature's; returns its folder."""

    def make(effect: str) -> Path:
        import tensorflow as tf

        effects: dict[str, Callable[[], object]] = {
            "WriteFile": lambda: tf.io.write_file(str(tmp_path / "written"), "x"),
            "ReadFile": lambda: tf.io.read_file(str(tmp_path / "read")),
            "EagerPyFunc": lambda: tf.py_function(lambda: (tmp_path / "written").touch(), [], []),
            "PrintV2": lambda: tf.print("x", output_stream=f"file://{tmp_path / 'written'}"),
        }

        @tf.function
        def deep(z: Any) -> Any:  # noqa: ANN401
            effects[effect]()
            return z

        @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.float32, name="latents")])
        def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
            noise = tf.reshape(tf.tile(deep(latents), [1, 12]), [-1, 8, 8, 3])
            return {"images": tf.cast(noise * 50.0 + 127.0, tf.uint8)}

        tf.saved_model.save(tf.Module(), str(tmp_path / "graph"), {"serving_default": generate})
        return tmp_path / "graph"

    return make
