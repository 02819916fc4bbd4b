import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from bundle.manifest import Manifest

DIGEST = "sha256:" + "0" * 64


def as_json(manifest: Manifest, **changes: Any) -> str:  # noqa: ANN401
    return json.dumps(json.loads(manifest.model_dump_json()) | changes)


def test_a_manifest_survives_being_written_and_read(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(
        files={"saved_model.pb": DIGEST, "variables/ψ.data": DIGEST},
        class_names=("cat", "dog"),
        class_shares=(0.25, 0.75),
        measures={"swd": {"value": 21.5, "floor": 3.25, "about": "sliced Wasserstein"}},
    )
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


@pytest.mark.parametrize(("part", "field"), [("", "latent_dim"), ("image", "height"), ("data", "license")])
def test_a_manifest_is_frozen(manifest: Manifest, part: str, field: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(getattr(manifest, part) if part else manifest, field, 5)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"colour": "blue"}, "colour"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": 0}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": None}, "schema_version"),
        ({"name": "Avatars"}, "name"),
        ({"name": "../avatars"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"version": 0}, "version"),
        ({"version": 1.5}, "version"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"image": {"height": 32, "width": 32, "channels": 2}}, "image.channels"),
        ({"image": {"height": 0, "width": 32, "channels": 3}}, "image.height"),
        ({"image": {"height": 32, "width": 32, "channels": 3, "depth": 8}}, "image.depth"),
        ({"seed_scheme": "torch-philox"}, "seed_scheme"),
        ({"files": {"saved_model.pb": "md5:00"}}, "files.saved_model.pb"),
        ({"files": {"saved_model.pb": DIGEST.upper()}}, "files.saved_model.pb"),
        ({"images_seen": -1}, "images_seen"),
        ({"created": "2025-01-02T03:04:05"}, "created"),  # of no time zone
        ({"class_names": ["cat", ""], "class_shares": [0.5, 0.5]}, "class_names.1"),
        ({"class_names": ["c" * 256], "class_shares": [1.0]}, "class_names.0"),
        ({"class_names": ["cat", "dog", "cat"], "class_shares": [0.5, 0.25, 0.25]}, "class_names"),
        ({"class_names": ["cat", "dog"]}, "class_shares"),
        ({"class_names": ["cat", "dog"], "class_shares": [1.0]}, "class_shares"),
        ({"class_shares": [1.0]}, "class_shares"),
        ({"class_names": ["cat", "dog"], "class_shares": [0.5, 0.500002]}, "class_shares"),
        ({"class_names": ["cat", "dog"], "class_shares": [1.0, 0.0]}, "class_shares.1"),
        ({"class_names": ["cat", "dog"], "class_shares": [0.5, "nan"]}, "class_shares.1"),
        ({"class_names": list("abcdefghijklmnopq"), "class_shares": [1 / 17] * 17}, "class_shares"),  # of 16 numbers
        ({"measures": {"swd": {"value": None, "about": ""}}}, "measures.swd.value"),
        ({"measures": {"swd": {"value": 1, "low": 0, "about": ""}}}, "measures.swd"),  # one bound is missing
        ({"measures": {"swd": {"value": 1, "low": 2, "high": 1, "about": ""}}}, "measures.swd"),
        ({"measures": {"swd": {"value": 1, "count": 0, "about": ""}}}, "measures.swd.count"),
    ],
)
def test_what_is_wrong_is_refused_and_named(manifest: Manifest, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Manifest.model_validate_json(as_json(manifest, **changes))
    assert [".".join(map(str, error["loc"])) for error in refusal.value.errors()] == [place]


@pytest.mark.parametrize("count", [1, 3, 7, 16])
def test_as_many_classes_as_a_latent_has_numbers_are_taken(manifest: Manifest, count: int) -> None:
    names = [f"class {i}" for i in range(count)]
    read = Manifest.model_validate_json(as_json(manifest, class_names=names, class_shares=[1 / count] * count))
    assert (len(read.class_names), read.class_shares[0]) == (count, 1 / count)


def test_a_manifest_from_before_there_were_classes_has_none(manifest: Manifest) -> None:
    content = json.loads(manifest.model_dump_json())
    del content["class_names"], content["class_shares"]
    read = Manifest.model_validate_json(json.dumps(content))
    assert (read.class_names, read.class_shares) == ((), ())


@pytest.mark.parametrize("field", ["name", "version", "latent_dim", "image", "files", "data"])
def test_what_a_reader_needs_must_be_there(manifest: Manifest, field: str) -> None:
    content = json.loads(manifest.model_dump_json())
    del content[field]
    with pytest.raises(ValidationError, match=rf"(?s){field}\n.*required"):
        Manifest.model_validate_json(json.dumps(content))


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\\b", "..", "a/..", "C:\\x"])
def test_a_path_that_leaves_the_bundle_is_refused(manifest: Manifest, path: str) -> None:
    with pytest.raises(ValidationError, match="not a path inside the bundle"):
        Manifest.model_validate_json(as_json(manifest, files={path: DIGEST}))


@pytest.mark.parametrize("path", ["saved_model.pb", "variables/variables.index", "a..b", "..a/b", "ψ é"])
def test_a_path_inside_the_bundle_is_taken(manifest: Manifest, path: str) -> None:
    assert list(Manifest.model_validate_json(as_json(manifest, files={path: DIGEST})).files) == [path]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_is_a_finite_number(make_manifest: Callable[..., Manifest], value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        make_manifest(measures={"swd": {"value": value, "about": ""}})
