import os

import pytest

from bundle.environment import VARIABLES, prepare_tensorflow


def test_what_is_not_set_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    prepare_tensorflow()
    assert {name: os.environ[name] for name in VARIABLES} == VARIABLES


@pytest.mark.parametrize("name", VARIABLES)
def test_what_a_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0")
    prepare_tensorflow()
    assert os.environ[name] == "0"
