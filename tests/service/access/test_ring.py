"""Keys change without a restart; a broken file takes none away."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from service.access.keys import KeyFileError
from service.access.ring import Ring
from tests.service.access.test_keys import lines, written
from tests.service.fake_engine import until


def rewrite(path: Path, text: str) -> None:
    """As an editor or Kubernetes does: another file takes the place of the first."""
    other = path.with_suffix(".new")
    other.write_text(text)
    other.chmod(0o644)
    other.replace(path)


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    rewrite(path, lines(name="bob", sha256="b" * 64))
    assert [key.name for key in ring.keys] == ["alice"]
    ring.look()
    assert [key.name for key in ring.keys] == ["bob"]


def test_the_last_key_can_be_taken_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    rewrite(path, "key = []")
    with caplog.at_level(logging.INFO, "figment.keys"):
        ring.look()
    assert ring.keys == ()
    assert caplog.messages == ["keys: none, so nobody may ask"]


@pytest.mark.parametrize("text", ["", "[[key", "no scopes", None])
def test_a_broken_file_keeps_the_old_keys_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    if text is None:
        path.unlink()
    else:
        rewrite(path, text)
    with caplog.at_level(logging.ERROR, "figment.keys"):
        ring.look()
        ring.look()
    assert [key.name for key in ring.keys] == ["alice"]
    (record,) = caplog.records
    assert "the new keys are not taken, and the old ones still hold (alice)" in record.getMessage()
    rewrite(path, lines(name="carol"))
    ring.look()
    assert [key.name for key in ring.keys] == ["carol"]


def test_a_file_that_may_be_read_after_all_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    path.write_text(lines(name="bob", sha256="b" * 64))
    path.chmod(0o666)
    ring.look()
    assert [key.name for key in ring.keys] == ["alice"]
    path.chmod(0o644)
    ring.look()
    assert [key.name for key in ring.keys] == ["bob"]


async def test_it_looks_on_when_a_look_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring(written(tmp_path, lines()))
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise MemoryError

    monkeypatch.setattr(ring, "look", look)
    watching = asyncio.create_task(ring.watch(0.001))
    await until(lambda: len(looks) >= 3)
    watching.cancel()


def test_a_file_that_did_not_change_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring(written(tmp_path, lines()))
    monkeypatch.setattr("service.access.ring.read_keys", lambda path: pytest.fail("it was read"))
    ring.look()


def test_a_change_of_the_time_alone_is_a_change(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    path.write_text(lines(name="alicf"))  # of the same size
    os.utime(path, ns=(1, 1))
    ring.look()
    assert ring.keys[0].name == "alicf"


async def test_it_looks_by_itself(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    ring = Ring(path)
    watching = asyncio.create_task(ring.watch(0.001))
    rewrite(path, lines(name="bob"))
    await until(lambda: ring.keys[0].name == "bob")
    watching.cancel()


def test_without_a_file_there_is_no_ring(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        Ring(tmp_path / "keys.toml")
