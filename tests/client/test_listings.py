from __future__ import annotations

from typing import Any

import pytest
from figment_client.listings import ModelInfo, SkippedBundle, listing_from_json


def test_a_listing_is_read_into_dataclasses(listing: dict[str, Any]) -> None:
    found = listing_from_json(listing)
    adventurer = ModelInfo(
        name="adventurer",
        version=3,
        latent_dim=128,
        image_shape=(64, 64, 3),
        seed_scheme="numpy-randomstate-v1",
        versions=(3, 1),
        class_names=("cat", "dog"),
        digest="sha256:1f",
        license="CC0-1.0",
        attribution="drawn for the tests",
        default=True,
        batch_sizes=(1, 2, 4),
    )
    assert found.models == (adventurer,)
    assert found.skipped == (SkippedBundle("broken/1", "no manifest"),)
    assert found.default == adventurer


def test_members_it_does_not_know_are_ignored(listing: dict[str, Any]) -> None:
    expected = listing_from_json(listing)
    listing["etag"] = "x"
    listing["models"][0]["classes"] = ["a"]
    listing["skipped"][0]["since"] = 1
    assert listing_from_json(listing) == expected


def test_where_nothing_is_served_there_is_no_default() -> None:
    assert listing_from_json({"models": [], "skipped": []}).default is None


@pytest.mark.parametrize("name", list(ModelInfo.__dataclass_fields__))
def test_a_missing_member_of_a_model_is_named(listing: dict[str, Any], name: str) -> None:
    del listing["models"][0][name]
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        listing_from_json(listing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 1),
        ("version", "3"),
        ("version", True),
        ("default", 1),
        ("image_shape", [64, 64]),
        ("image_shape", [64, 64, True]),
        ("image_shape", 64),
        ("batch_sizes", ["1"]),
        ("class_names", ["cat", 1]),
        ("class_names", "cat"),
    ],
)
def test_a_member_of_another_type_is_named(listing: dict[str, Any], name: str, value: object) -> None:
    listing["models"][0][name] = value
    with pytest.raises(ValueError, match=f"'{name}' is"):
        listing_from_json(listing)


@pytest.mark.parametrize(
    "document", [None, [], "models", {}, {"models": {}, "skipped": []}, {"models": [1], "skipped": []}, {"models": []}]
)
def test_json_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match=r"models|skipped|object"):
        listing_from_json(document)
