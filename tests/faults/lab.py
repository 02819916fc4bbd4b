"""Where faults are tried: stores of tiny bundles, and services on them. What takes long to make is made once."""

import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bundle.store import UNFINISHED, Store, open_bundle
from tests.faults.load import Load, Pixels, learn
from tests.faults.replica import REAL, ROOT, Replica, Usage
from tests.service.conftest import publish_fake

SHAPE = (32, 32, 3)


class Lab:
    """Everything lies in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._replicas: list[Replica] = []
        self._real: Replica | None = None
        self._known: Pixels = {}

    def path(self, name: str) -> Path:
        """A new folder."""
        path = self.folder / f"{len(list(self.folder.iterdir()))}-{name}"
        path.mkdir()
        return path

    def fake_store(self, name: str) -> Store:
        """A store with `tiny/1` for the fake engine."""
        store = Store(self.path(name) / "models")
        publish_fake(store, "tiny", shape=SHAPE)
        return store

    def real_store(self) -> Store:
        """The store with `tiny/1`, a SavedModel; the same one every time."""
        store = Store(self.folder / "real")
        if not store.root.exists():
            subprocess.run([sys.executable, "-m", "tests.faults.tiny_bundle", str(store.root)], cwd=ROOT, check=True)
        return store

    def replica(self, store: Store, **settings: object) -> Replica:
        """A service with the fake engine that is not started yet; it is ended with the lab."""
        replica = Replica(store.root, self.path("log") / "service.log", **settings)
        self._replicas.append(replica)
        return replica

    @asynccontextmanager
    async def fake(self, store: Store, **settings: object) -> AsyncIterator[tuple[Replica, Pixels, Usage]]:
        """A service with the fake engine, what it draws, and what it holds when it has worked."""
        replica = self.replica(store, **settings)
        await replica.start()
        try:
            known = await learn(replica.url)
            yield replica, known, await warmed(replica, known)
        finally:
            replica.kill()

    async def real(self) -> tuple[Replica, Pixels]:
        """The service with TensorFlow, started if it must be."""
        if self._real is None:
            store = self.real_store()
            self._real = self.replica(store, command=REAL, max_batch=4)
        if not self._real.alive:
            await self._real.start()
            self._known = self._known or await learn(self._real.url)
        return self._real, self._known

    def close(self) -> None:
        """End all services."""
        for replica in self._replicas:
            replica.kill()


async def warmed(replica: Replica, known: Pixels) -> Usage:
    """What a service holds once it has had many requests at a time."""
    async with Load(replica.url, known, clients=16, pause=0.0) as load:
        await load.reach(100)
    return await replica.usage()


def fingerprint(store: Store) -> dict[str, str]:
    """The digest of every file of a store."""
    files = (path for path in store.root.rglob("*") if path.is_file())
    return {path.relative_to(store.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def damage(store: Store, before: dict[str, str]) -> list[str]:
    """What is wrong in a store: files that were there and are not, or not as they were, bundles that are not good."""
    now = fingerprint(store)
    found = [f"{name} has changed" for name, digest in before.items() if now.get(name) != digest]
    found += [f"{path.name} is left" for path in store.root.rglob(f"{UNFINISHED}*")]
    for name in store.names():
        for version in store.versions(name):
            open_bundle(store.root / name / str(version))
    return found
