"""The drill sees what is wrong: lost and wrong answers, leaks, damage; else the faults would prove nothing."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from bundle.store import UNFINISHED, Store
from tests.faults.lab import damage, fingerprint
from tests.faults.load import PATHS, Answers, Failure, Load, learn, pixels_of
from tests.faults.outcome import MARK, Outcome, filled, table
from tests.faults.replica import SLACK, Replica, Usage
from tests.fuzz.samples import picture
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

LOST = Failure("connection lost", "/", 1.0, 2.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "models")
    publish_fake(store, "tiny")
    return store


def test_what_is_answered_refused_and_failed_is_what_was_sent() -> None:
    outcome = Outcome("fire")
    outcome.count(Answers(answered=3, refused=1, failures=[LOST, LOST]))
    outcome.count(Answers(answered=1, failures=[LOST]))
    assert (outcome.sent, outcome.answered, outcome.refused, outcome.failed) == (8, 4, 1, {"connection lost": 3})
    outcome.check()
    outcome.sent += 1
    with pytest.raises(AssertionError):
        outcome.check()


def test_a_wrong_picture_is_an_error() -> None:
    with pytest.raises(AssertionError, match="other pixels"):
        Outcome("fire").count(Answers(answered=1, wrong=["/images/7.png"]))


@pytest.mark.parametrize("left", [{"leaks": ["3 files"]}, {"damaged": ["saved_model.pb has changed"]}])
def test_what_is_left_behind_is_an_error(left: dict[str, list[str]]) -> None:
    with pytest.raises(AssertionError, match="fire"):
        Outcome("fire", **left).check()


def test_only_avoidable_failures_are_complained_of() -> None:
    other = Failure("500 internal", "/", 1.0, 2.0)
    answers = Answers(failures=[LOST, other])
    assert answers.but(lambda failure: failure.reason == "connection lost") == [other]


async def test_a_load_counts_answers_and_sees_other_pixels(store: Store) -> None:
    with listening(store) as address:
        known = await learn(f"http://{address}")
        assert len(known) == len(PATHS)
        async with Load(f"http://{address}", known, clients=2) as load:
            await load.reach(10)
        assert load.answers.answered >= 10
        assert not load.answers.failures + load.answers.wrong
        async with Load(f"http://{address}", dict.fromkeys(PATHS, b""), clients=2) as load:
            await load.reach(2)
        assert load.answers.wrong
    async with Load(f"http://{address}", known, clients=1) as load:
        pass
    assert {failure.reason for failure in load.answers.failures} <= {"not connected"}


def test_a_changed_or_unfinished_file_is_damage(store: Store) -> None:
    before = fingerprint(store)
    assert damage(store, before) == []
    (store.root / "tiny" / f"{UNFINISHED}x").mkdir()
    assert damage(store, before) == [f"{UNFINISHED}x is left"]
    shutil.rmtree(store.root / "tiny" / "1")
    assert "tiny/1/saved_model.pb has changed" in damage(store, before)


async def test_what_is_more_than_before_is_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(tmp_path, tmp_path / "log")
    now = Usage(threads=5 + SLACK[0], files=5 + SLACK[1], waiting=0)

    async def usage() -> Usage:
        return now

    monkeypatch.setattr(replica, "usage", usage)
    monkeypatch.setattr("tests.faults.replica.SETTLING", 0.0)
    assert await replica.leaks(Usage(5, 5, 0)) == []
    assert await replica.leaks(Usage(5, 4, 0)) == [f"{SLACK[1] + 1} files"]
    assert await replica.leaks(Usage(4, 5, 0)) == [f"{SLACK[0] + 1} threads"]
    now = now._replace(waiting=2)
    assert await replica.leaks(Usage(5, 5, 0)) == ["2 rows"]


def test_the_table_stands_behind_its_mark() -> None:
    one = Outcome("fire", sent=1200, answered=1199, failed={"hung up": 1}, healthy=0.25).as_json()
    page = f"# Page\n\n{MARK}| old |\n| --- |\n\nmore\n\nand more\n"
    once = filled(page, [one])
    assert "| fire | 1,200 | 1,199 | 0 | 1 × hung up | 0.2 | nothing |\n\nmore\n\nand more\n" in once
    assert filled(once, [one]) == once
    assert table([one]) in once


def test_pixels_are_compared_and_not_texts() -> None:
    plain = io.BytesIO()
    with Image.open(io.BytesIO(picture("PNG"))) as image:
        image.save(plain, "PNG")
    assert plain.getvalue() != picture("PNG")
    assert pixels_of(plain.getvalue()) == pixels_of(picture("PNG"))
    assert pixels_of(picture("PNG", "RGBA")) != pixels_of(picture("PNG"))
