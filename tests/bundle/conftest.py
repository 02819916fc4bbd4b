from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bundle.manifest import DataSet, ImageShape, Manifest
from bundle.store import Store

settings.register_profile("no deadline", deadline=None)  # a busy machine is slow now and then
settings.load_profile("no deadline")

Write = Callable[[Path, int], Manifest]


def plain_manifest(**changes: Any) -> Manifest:  # noqa: ANN401
    values: dict[str, Any] = {
        "name": "avatars",
        "version": 1,
        "latent_dim": 16,
        "image": ImageShape(height=32, width=32, channels=3),
        "files": {},
        "data": DataSet(name="avatars", digest="sha256:" + "a" * 64, count=20, license="CC0", attribution="nobody"),
        "recipe": "ns",
        "settings": {"batch_size": 4, "generator": {"width": 8}},
        "images_seen": 400,
        "software": {"tensorflow": "2.21.0"},
        "created": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return Manifest(**values | changes)


@pytest.fixture
def manifest() -> Manifest:
    return plain_manifest()


@pytest.fixture
def make_manifest() -> Callable[..., Manifest]:
    return plain_manifest


@pytest.fixture
def write(make_manifest: Callable[..., Manifest]) -> Write:
    """Writes something with the files of a SavedModel, different for each version."""

    def write_files(folder: Path, version: int) -> Manifest:
        (folder / "saved_model.pb").write_bytes(b"graph %d" % version)
        (folder / "variables").mkdir()
        (folder / "variables" / "variables.index").write_bytes(b"index")
        (folder / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(range(256)) * version)
        (folder / "assets.extra").mkdir()
        (folder / "assets.extra" / "MODEL_CARD.md").write_text("# A card\n")
        return make_manifest()

    return write_files


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")
