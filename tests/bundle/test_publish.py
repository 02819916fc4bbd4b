import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bundle import store as store_module
from bundle.errors import InvalidBundle, VersionExists
from bundle.manifest import Manifest
from bundle.store import MANIFEST, UNFINISHED, Store

Write = Callable[[Path, int], Manifest]

ROOT = Path(__file__).parents[2]

PUBLISHER = """
import sys, time
from pathlib import Path
from bundle.store import Store

def write(folder, version):
    (folder / "saved_model.pb").write_bytes(b"half a graph")
    print("writing", flush=True)
    time.sleep(60)

Store(Path(sys.argv[1])).publish("avatars", None, write)
"""


def below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_without_a_version_the_next_one_is_taken(store: Store, write: Write) -> None:
    seen: list[int] = []

    def noting(folder: Path, version: int) -> Manifest:
        seen.append(version)
        return write(folder, version)

    assert [store.publish("avatars", v, noting).manifest.version for v in (None, None, 7, None)] == [1, 2, 7, 8]
    assert seen == [1, 2, 7, 8]


def test_the_manifest_says_where_it_was_published_whatever_the_writer_said(
    store: Store, make_manifest: Callable[..., Manifest]
) -> None:
    def write(folder: Path, version: int) -> Manifest:
        (folder / "saved_model.pb").write_bytes(b"graph")
        return make_manifest(name="another", version=99, files={"wrong": "sha256:" + "0" * 64})

    bundle = store.publish("avatars", 4, write)
    assert (bundle.manifest.name, bundle.manifest.version) == ("avatars", 4)
    assert list(bundle.manifest.files) == ["saved_model.pb"]


def test_a_published_version_is_never_overwritten(store: Store, write: Write) -> None:
    first = store.publish("avatars", 1, write)

    def never(folder: Path, version: int) -> Manifest:
        raise AssertionError("the writer was called for a version that exists")

    with pytest.raises(VersionExists, match="never overwritten"):
        store.publish("avatars", 1, never)
    assert store.open("avatars", 1) == first


def test_a_bad_version_is_not_overwritten_either(store: Store, write: Write) -> None:
    store.publish("avatars", 1, write)
    (store.root / "avatars/1" / MANIFEST).unlink()
    with pytest.raises(VersionExists):
        store.publish("avatars", 1, write)
    assert store.publish("avatars", None, write).manifest.version == 2


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "", "Avatars", ".hidden", "a\n", "/tmp/x", "a" * 64])
def test_a_name_that_escapes_is_refused_and_nothing_is_written(store: Store, write: Write, name: str) -> None:
    with pytest.raises(ValueError, match="is no model name"):
        store.publish(name, 1, write)
    assert below(store.root.parent) == []


@pytest.mark.parametrize("version", [0, -1])
def test_versions_count_from_one(store: Store, write: Write, version: int) -> None:
    with pytest.raises(ValueError, match="whole number from 1"):
        store.publish("avatars", version, write)


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        ValueError("no finite pixels"),
        KeyboardInterrupt(),
        SystemExit(1),
    ],
    ids=["disk full", "its own error", "ctrl-c", "exit"],
)
@pytest.mark.parametrize("earlier", [0, 2])
def test_a_failing_writer_leaves_nothing_behind(
    store: Store, write: Write, failure: BaseException, earlier: int
) -> None:
    for _ in range(earlier):
        store.publish("avatars", None, write)
    before = below(store.root)

    def fail(folder: Path, version: int) -> Manifest:
        write(folder, version)
        raise failure

    with pytest.raises(type(failure)) as raised:
        store.publish("avatars", None, fail)
    assert raised.value is failure
    assert below(store.root) == before


@pytest.mark.parametrize("function", ["sync_tree", "_write_manifest", "_rename"])
def test_a_disk_that_fills_up_at_the_end_leaves_nothing_behind(
    store: Store, write: Write, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module, function, full)
    with pytest.raises(OSError, match="No space left"):
        store.publish("avatars", None, write)
    assert below(store.root) == []


@pytest.mark.parametrize(
    ("file", "settings"),
    [("back\\slash", {}), ("saved_model.pb", {"notes": "x" * store_module.MAX_MANIFEST_BYTES})],
    ids=["a path no reader takes", "a manifest no reader takes"],
)
def test_what_no_reader_would_take_is_not_published(
    store: Store, make_manifest: Callable[..., Manifest], file: str, settings: dict[str, str]
) -> None:
    def write(folder: Path, version: int) -> Manifest:
        (folder / file).write_bytes(b"graph")
        return make_manifest(settings=settings)

    with pytest.raises(InvalidBundle):
        store.publish("avatars", 1, write)
    assert below(store.root) == []


def test_readers_never_see_a_bundle_that_is_being_written(store: Store, write: Write) -> None:
    store.publish("avatars", None, write)
    seen: list[list[int]] = []

    def peeking(folder: Path, version: int) -> Manifest:
        manifest = write(folder, version)
        seen.append(store.versions("avatars"))
        return manifest

    store.publish("avatars", None, peeking)
    assert seen == [[1]]
    assert store.versions("avatars") == [1, 2]


def test_a_kill_in_mid_publish_leaves_a_folder_that_readers_pass_over(store: Store, write: Write) -> None:
    store.publish("avatars", None, write)
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(store.root)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert [p.name[: len(UNFINISHED)] for p in (store.root / "avatars").iterdir() if p.name != "1"] == [UNFINISHED]
    served, skipped = store.scan()
    assert [bundle.manifest.version for bundle in served] == [1]
    assert skipped == []
    assert store.publish("avatars", None, write).manifest.version == 2


@pytest.mark.parametrize("publishers", [2, 5])
def test_of_publishers_of_one_version_exactly_one_wins(store: Store, write: Write, publishers: int) -> None:
    together = threading.Barrier(publishers)
    outcomes: list[object] = []

    def meeting(folder: Path, version: int) -> Manifest:
        manifest = write(folder, version)
        (folder / "who").write_text(threading.current_thread().name)
        together.wait(10)  # all have passed the check that the version is free
        return manifest

    def publish() -> None:
        try:
            outcomes.append(store.publish("avatars", 1, meeting))
        except VersionExists as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=publish) for _ in range(publishers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    lost = [o for o in outcomes if isinstance(o, str)]
    assert len(outcomes) == publishers
    assert len(lost) == publishers - 1
    assert all("by someone else meanwhile" in text for text in lost)
    assert store.open("avatars", 1) in outcomes
    assert sorted(p.name for p in (store.root / "avatars").iterdir()) == ["1"]


def test_a_bundle_can_be_read_by_another_user(store: Store, write: Write) -> None:
    path = store.publish("avatars", None, write).path
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_file_where_the_model_should_be_is_an_error_of_the_disk(store: Store, write: Write) -> None:
    store.root.mkdir()
    (store.root / "avatars").write_text("a file")
    with pytest.raises(OSError, match="avatars"):
        store.publish("avatars", None, write)
    assert (store.root / "avatars").read_text() == "a file"


def test_publishing_goes_on_while_a_reader_scans(store: Store, write: Write) -> None:
    store.publish("avatars", None, write)
    stop = threading.Event()
    problems: list[object] = []

    def read() -> None:
        while not stop.is_set():
            served, skipped = store.scan()
            if skipped or len(served) != 1:
                problems.append((served, skipped))
            time.sleep(0.001)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(10):
            store.publish("avatars", None, write)
    finally:
        stop.set()
        reader.join(10)
    assert problems == []
