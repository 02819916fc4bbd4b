"""Stores that fail: no room, gone, or copied in part."""

import asyncio
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundle.store import MANIFEST, Store
from tests.faults.lab import SHAPE, Lab, damage, fingerprint
from tests.faults.load import Load
from tests.faults.outcome import Outcome
from tests.faults.replica import ROOT, Replica, until
from tests.service.conftest import publish_fake

SMALL_DISK = "1m"
TOO_LARGE = 3 * 2**20
"""Bytes of a file that the small disk has no room for."""

PUBLISH = """
import os, signal, sys
from pathlib import Path
from bundle.store import Store
from tests.service.conftest import manifest_of

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def write(folder, version):
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables").mkdir()
    (folder / "variables" / "variables.data").write_bytes(os.urandom(int(sys.argv[2])))
    return manifest_of("tiny", (32, 32, 3))

try:
    Store(Path(sys.argv[1])).publish("tiny", None, write)
except OSError as error:
    sys.exit(error.strerror)
"""


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of one megabyte at a folder, where we may mount one; gives whether it is there."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if folder.is_mount():
            subprocess.run(["umount", "-l", str(folder)], check=True)


def publish(store: Store, size: int, most: int | None = None) -> str:
    """Publish a version with a file of so many bytes, in a process that may write files up to `most`; what it said."""

    def limit() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [sys.executable, "-c", PUBLISH, str(store.root), str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit)
    return done.stderr.strip()


async def disk_full(lab: Lab) -> Outcome:
    """No room while publishing: nothing is left, the old version is served; with room it is published and served."""
    outcome = Outcome("disk full while publishing")
    folder = lab.path("disk")
    with small_disk(folder) as mounted:
        store = Store(folder / "models")
        publish_fake(store, "tiny", shape=SHAPE)
        files = fingerprint(store)
        async with lab.fake(store) as (replica, known, before):
            async with Load(replica.url, known) as load:
                await load.reach(30)
                said = await asyncio.to_thread(publish, store, TOO_LARGE, None if mounted else 2**20)
                assert said in ("No space left on device", "File too large"), said
                assert store.versions("tiny") == [1]
                outcome.damaged = damage(store, files)
                outcome.healthy = await replica.healthy(known)
                assert not await asyncio.to_thread(publish, store, 1000)
                await serves(replica, 2)
                await load.reach(30)
            assert not load.answers.failures, load.answers.failures[:3]
            outcome.count(load.answers)
            outcome.leaks = await replica.leaks(before)
            outcome.damaged += damage(store, files)
    outcome.note = "on a full tmpfs" if mounted else "by RLIMIT_FSIZE"
    return outcome


async def store_unmounted(lab: Lab) -> Outcome:
    """The store disappears while it is served, and comes back with a new version: what is loaded is served on."""
    outcome = Outcome("store unmounted while serving")
    folder = lab.path("mount")
    with small_disk(folder) as mounted:
        store = Store(folder / "models")
        publish_fake(store, "tiny", shape=SHAPE)
        files = fingerprint(store)
        aside = lab.path("aside") / "models"
        shutil.copytree(store.root, aside)
        async with lab.fake(store) as (replica, known, before):
            async with Load(replica.url, known) as load:
                await load.reach(30)
                _take_away(folder, store.root, mounted)
                await _says(replica, "the store's folder does not exist")
                outcome.healthy = await replica.healthy(known)
                await load.reach(30)
                shutil.copytree(aside, store.root)
                publish_fake(store, "tiny", shape=SHAPE)
                await serves(replica, 2)
                await load.reach(30)
            assert not load.answers.failures, load.answers.failures[:3]
            outcome.count(load.answers)
            outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


def _take_away(disk: Path, root: Path, mounted: bool) -> None:
    if mounted:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    else:
        root.rename(root.with_name("elsewhere"))


async def version_torn(lab: Lab) -> Outcome:
    """A version that is copied in part is not served, and is when the copy is whole."""
    outcome = Outcome("version torn in copying")
    store, source = lab.fake_store("torn"), lab.fake_store("source")
    new = publish_fake(source, "tiny", shape=SHAPE).path
    files = fingerprint(store)
    async with lab.fake(store) as (replica, known, before):
        async with Load(replica.url, known) as load:
            await load.reach(30)
            target = store.root / "tiny" / "2"
            shutil.copytree(new, target)
            graph = (target / "saved_model.pb").read_bytes()
            (target / "saved_model.pb").write_bytes(graph[: len(graph) // 2])
            await _says(replica, "saved_model.pb was altered")
            (target / MANIFEST).unlink()
            await _says(replica, "not a bundle, or one half copied")
            outcome.healthy = await replica.healthy(known)
            await load.reach(30)
            (target / "saved_model.pb").write_bytes(graph)
            shutil.copy(new / MANIFEST, target / MANIFEST)
            await serves(replica, 2)
            await load.reach(30)
        assert not load.answers.failures, load.answers.failures[:3]
        outcome.count(load.answers)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def serves(replica: Replica, version: int) -> None:
    """Return when it serves that version of `tiny`."""

    async def served() -> bool:
        return (await replica.get("/images/7.png")).headers.get("Figment-Model") == f"tiny/{version}"

    await until(served, f"tiny/{version} was never served")


async def _says(replica: Replica, reason: str) -> None:
    """Return when /readyz, which is ready, names something that is skipped for a reason."""

    async def told() -> bool:
        answer = await replica.get("/readyz")
        assert answer.status_code == 200, answer.text
        return any(reason in skipped for skipped in answer.json()["skipped"])

    await until(told, f"/readyz never said {reason!r}")
