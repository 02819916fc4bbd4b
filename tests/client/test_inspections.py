from __future__ import annotations

from typing import Any

import pytest
from figment_client.inspections import Inspection, inspection_from_json

DOCUMENT: dict[str, Any] = {
    "request": "/generate?seed=7",
    "url": "http://here/generate?seed=7",
    "command": "figment generate --seed 7",
    "seeds": [7],
    "labels": [1],
    "model": "adventurer",
    "version": 3,
    "digest": "sha256:1f",
    "precision": "float32",
    "served": True,
}


def test_an_inspection_is_read_into_a_dataclass() -> None:
    found = inspection_from_json({**DOCUMENT, "more": 1})
    assert found == Inspection(**{**DOCUMENT, "seeds": (7,), "labels": (1,)})
    assert inspection_from_json({**DOCUMENT, "seeds": None, "labels": None}).seeds == ()


@pytest.mark.parametrize("name", ["request", "url", "command", "model", "version", "digest", "precision"])
def test_what_a_picture_does_not_tell_is_none(name: str) -> None:
    found = inspection_from_json({**DOCUMENT, name: None})
    assert getattr(found, name) is None
    assert found == Inspection(**{**DOCUMENT, "seeds": (7,), "labels": (1,), name: None})


def test_an_answer_without_labels_is_of_an_older_service() -> None:
    assert inspection_from_json({name: value for name, value in DOCUMENT.items() if name != "labels"}).labels == ()


@pytest.mark.parametrize("name", [name for name in DOCUMENT if name not in ("seeds", "labels")])
def test_a_missing_member_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        inspection_from_json({key: value for key, value in DOCUMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [("request", 1), ("version", "3"), ("labels", "1"), ("seeds", 7), ("seeds", ["7"]), ("served", "yes")],
)
def test_a_member_of_another_type_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is"):
        inspection_from_json({**DOCUMENT, name: value})
