from __future__ import annotations

from typing import Any

import pytest
from figment_client.inspections import Inspection, inspection_from_json

DOCUMENT: dict[str, Any] = {
    "request": "/generate?seed=7",
    "url": "http://here/generate?seed=7",
    "command": "figment generate --seed 7",
    "seeds": [7],
    "model": "adventurer",
    "version": 3,
    "digest": "sha256:1f",
    "precision": "float32",
    "served": True,
}


def test_an_inspection_is_read_into_a_dataclass() -> None:
    found = inspection_from_json({**DOCUMENT, "more": 1})
    assert found == Inspection(**{**DOCUMENT, "seeds": (7,)})
    assert inspection_from_json({**DOCUMENT, "seeds": None, "version": None}).seeds == ()


@pytest.mark.parametrize("name", [name for name in DOCUMENT if name != "seeds"])
def test_a_missing_member_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        inspection_from_json({key: value for key, value in DOCUMENT.items() if key != name})


@pytest.mark.parametrize(("name", "value"), [("request", 1), ("seeds", 7), ("seeds", ["7"]), ("served", "yes")])
def test_a_member_of_another_type_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is"):
        inspection_from_json({**DOCUMENT, name: value})
