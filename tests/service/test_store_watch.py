from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundle.store import Store
from service.store_watch import TRY_AGAIN, StoreWatch, fingerprint

Publish = Callable[..., Any]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def seen(watch: StoreWatch, served: dict[str, int] | None = None) -> list[str]:
    return [f"{candidate.name}/{candidate.version}" for candidate in watch.look(served or {})]


def test_versions_above_the_served_ones_are_candidates_highest_first(store: Store, publish: Publish) -> None:
    for _ in range(3):
        publish("tiny")
    publish("other")
    watch = StoreWatch(store)
    assert seen(watch) == ["other/1", "tiny/3", "tiny/2", "tiny/1"]
    assert seen(watch, {"tiny": 2}) == ["other/1", "tiny/3"]
    assert seen(watch, {"tiny": 3, "other": 1}) == []


def test_what_was_refused_comes_again_when_its_files_change(store: Store, publish: Publish) -> None:
    path = publish("tiny").path
    watch = StoreWatch(store)
    [candidate] = watch.look({})
    watch.refuse(candidate, "half copied")
    assert seen(watch) == []
    assert [(item.path, item.reason) for item in watch.skipped] == [(path, "half copied")]
    (path / "variables").mkdir()
    assert seen(watch) == ["tiny/1"]
    assert len(watch.skipped) == 1  # still not served


def test_what_was_refused_is_tried_again_after_a_while_each_time_twice_as_long(store: Store, publish: Publish) -> None:
    publish("tiny")
    clock = Clock()
    watch = StoreWatch(store, clock)
    for wait in (TRY_AGAIN, 2 * TRY_AGAIN, 4 * TRY_AGAIN):
        [candidate] = watch.look({})
        watch.refuse(candidate, "no memory")
        clock.now += wait - 1
        assert seen(watch) == []
        clock.now += 1
        assert seen(watch) == ["tiny/1"]


def test_other_rights_are_a_change(store: Store, publish: Publish) -> None:
    path = publish("tiny").path
    watch = StoreWatch(store)
    watch.refuse(watch.look({})[0], "it cannot be read")
    (path / "saved_model.pb").chmod(0o640)
    assert seen(watch) == ["tiny/1"]


def test_a_refused_version_that_is_gone_is_forgotten(store: Store, publish: Publish) -> None:
    path = publish("tiny").path
    watch = StoreWatch(store)
    watch.refuse(watch.look({})[0], "bad")
    path.rename(store.root / "elsewhere")
    watch.look({})
    assert [item.reason for item in watch.skipped if item.reason == "bad"] == []


def test_one_below_the_served_is_no_longer_reported(store: Store, publish: Publish) -> None:
    for _ in range(2):
        publish("tiny")
    watch = StoreWatch(store)
    for candidate in watch.look({}):
        watch.refuse(candidate, "bad")
    watch.look({"tiny": 2})
    assert watch.skipped == []


@pytest.mark.parametrize("make", [False, True])
def test_no_store_or_an_empty_one(store: Store, make: bool) -> None:
    if make:
        store.root.mkdir()
    watch = StoreWatch(store)
    assert seen(watch) == []
    assert len(watch.skipped) == (0 if make else 1)


def test_a_fingerprint_shows_every_change(tmp_path: Path) -> None:
    before = fingerprint(tmp_path)
    (tmp_path / "a").write_bytes(b"1")
    one = fingerprint(tmp_path)
    (tmp_path / "a").write_bytes(b"12")
    two = fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({before, one, two, fingerprint(tmp_path), fingerprint(tmp_path / "missing")}) == 4  # missing is empty
