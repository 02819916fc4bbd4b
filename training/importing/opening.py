"""Reading a foreign generator: a SavedModel folder, or a Keras file, which is exported to one."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bundle.errors import InvalidBundle
from bundle.store import digests, file_digest
from training.importing.operations import check_operations
from training.importing.questions import Refused

KERAS = (".keras", ".h5", ".hdf5")
GRAPH = "saved_model.pb"
MAX_CONFIG_BYTES = 100_000_000
"""The largest configuration of a Keras file that is read; a small zip can hold a huge one."""


@dataclass(frozen=True)
class Foreign:
    """A foreign generator in memory. `digest` is the SHA-256 of its file, or of the list of its files' digests."""

    kind: str
    digest: str
    module: Any
    signatures: dict[str, Any]


@contextmanager
def opened(path: Path, trust: bool = False) -> Iterator[Foreign]:
    """A SavedModel folder or Keras file in memory; temporary files last as long as the context.

    Args:
        path: the folder, or the file (.keras, .h5, .hdf5).
        trust: whether operations that reach files are accepted.

    Raises:
        Refused: it is neither, it cannot be loaded, or it needs code that a file should not bring.
    """
    if path.is_dir():
        yield _saved_model(path, "SavedModel", folder_digest(path), trust)
    elif path.suffix.lower() in KERAS and path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            _load_keras(path).export(folder, verbose=False)
            yield _saved_model(Path(folder), f"Keras file ({path.suffix})", file_digest(path), trust)
    elif not path.exists():
        raise Refused(f"{path} does not exist")
    elif path.suffix == ".pb":
        raise Refused(
            f"{path} is a graph alone: without the folder it belongs to it has neither signature nor variables. Name "
            "the SavedModel's folder; a frozen graph of TensorFlow 1 must first be wrapped and saved by "
            "tf.saved_model.save"
        )
    else:
        raise Refused(f"{path} is neither a SavedModel folder nor a Keras file ({', '.join(KERAS)})")


def folder_digest(path: Path) -> str:
    """The SHA-256 of the lines `digest name` of a folder's files, sorted by name."""
    try:
        lines = "".join(f"{digest} {name}\n" for name, digest in digests(path).items())
    except InvalidBundle as error:
        raise Refused(f"{path}: {error}") from error
    return f"sha256:{hashlib.sha256(lines.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _saved_model(path: Path, kind: str, digest: str, trust: bool) -> Foreign:
    graph = _read_graph(path)
    if not trust:
        check_operations(graph)
    try:
        module = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises whatever a damaged file leads it to, IndexError too
        raise Refused(f"TensorFlow cannot load {path}: {first_line(error)}") from error
    signatures = {name: module.signatures[name] for name in module.signatures}
    if not signatures:
        raise Refused(
            f"{path} has no signature, so nothing says what goes in and what comes out; save it again with "
            "tf.saved_model.save(…, signatures=…), or model.export(…) in Keras"
        )
    return Foreign(kind, digest, module, signatures)


def _read_graph(path: Path) -> SavedModel:
    if not (path / GRAPH).is_file():
        raise Refused(f"{path} holds no {GRAPH}, so it is no SavedModel")
    model = SavedModel()
    try:
        model.ParseFromString((path / GRAPH).read_bytes())
    except DecodeError as error:
        raise Refused(f"{path / GRAPH} is damaged, or no SavedModel: {error}") from error
    if not model.meta_graphs:
        raise Refused(f"{path / GRAPH} holds no graph")
    if not model.meta_graphs[0].object_graph_def.nodes:
        raise Refused(
            f"{path} was written in TensorFlow 1's format, without its objects; load it in TensorFlow 2 and save it "
            "again with tf.saved_model.save"
        )
    return model


def _load_keras(path: Path) -> keras.Model:
    try:  # RuntimeError: it is encrypted, or nested too deep
        lambdas = "Lambda" in layer_classes(_configuration(path))
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} is damaged, or no Keras file: {first_line(error)}") from error
    if lambdas:
        raise Refused(
            f"{path} has a Lambda layer: Python code inside a file, which would run here, so it is not loaded. Where "
            "the model was made, write it as a SavedModel with model.export(…): that holds the graph and no code"
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever a layer's from_config raises
        raise Refused(
            f"Keras cannot load {path}: {first_line(error)}. A file with layers of one's own needs their Python code; "
            "where the model was made, write it as a SavedModel with model.export(…)"
        ) from error


def _configuration(path: Path) -> Any:  # noqa: ANN401 (JSON)
    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > MAX_CONFIG_BYTES:
                raise ValueError("its configuration is too large")
            return json.loads(archive.read("config.json"))
    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise ValueError("it holds weights alone, without the layers they belong to; save the whole model")
        return json.loads(file.attrs["model_config"])


def layer_classes(configuration: Any) -> set[str]:  # noqa: ANN401 (JSON)
    """Every `class_name` in a Keras configuration, however deep."""
    if isinstance(configuration, dict):
        own = {configuration["class_name"]} if isinstance(configuration.get("class_name"), str) else set()
        return own.union(*(layer_classes(value) for value in configuration.values()))
    if isinstance(configuration, list):
        return set().union(*(layer_classes(value) for value in configuration))
    return set()


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
