"""`python -m bench.soak`: the real service under random clients, hang-ups, bad requests and new versions.

All versions that are published draw the same, so every tile has pixels that are known from the start, whoever asks for
it with whom and whatever is swapped meanwhile. It ends with status 1 if a pixel was wrong, a request lost, or memory
grew.
"""

import argparse
import asyncio
import io
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.machine import describe_machine, resident_mib
from bench.server import serving
from bundle.manifest import Manifest
from bundle.store import MANIFEST, Bundle, Store

SEEDS = 256
GROWTH_MIB = 64
"""So much more memory in the last third than in the middle one is a leak."""
WAIT = 120.0
"""Seconds after which a request counts as lost: four times the service's deadline."""
BAD = {
    "/generate?n=0": 422, "/generate?n=65": 422, "/generate?sede=1": 422, "/images/1.gif": 422, "/nothing": 404,
    "/generate?model=gone": 404, "/generate?version=99999": 404, "/interpolate?seeds=1": 422,
    "/generate?label=none": 422,
}  # fmt: skip

Pixels = NDArray[np.uint8]


class Soak:
    """The clients, the publisher, and what they saw."""

    def __init__(self, client: httpx.AsyncClient, store: Store, source: Bundle, until: float, seed: int) -> None:
        self.client, self.store, self.source, self.until = client, store, source, until
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.memory: list[float] = []
        self.tiles: list[Pixels] = []

    async def learn(self) -> None:
        """The pixels of every seed, asked for one at a time."""
        self.tiles = [
            self._tiles((await self.client.get(f"/images/{seed}.png")).content, 1)[0] for seed in range(SEEDS)
        ]

    async def visit(self) -> None:
        """One client: a random request after another."""
        while time.monotonic() < self.until:
            kind = self.random.choices(("generate", "hang up", "bad"), (80, 12, 8))[0]
            try:
                async with asyncio.timeout(WAIT):
                    await {"generate": self._generate, "hang up": self._hang_up, "bad": self._ask_badly}[kind]()
            except TimeoutError:
                self.wrong.append(f"no answer within {WAIT:g} s")
            except httpx.HTTPError as error:
                self.wrong.append(f"{kind}: {error!r}")

    async def publish(self, every: float) -> None:
        """New versions: good ones, altered ones and half copied ones."""
        while time.monotonic() < self.until - 3 * every:
            await asyncio.sleep(every)
            kind = self.random.choice(("good", "good", "altered", "half copied"))
            await asyncio.to_thread(self._publish, kind)
            self.seen[f"{kind} version"] += 1

    async def watch_memory(self, process: int) -> None:
        """The resident memory, MiB, every second."""
        while time.monotonic() < self.until:
            self.memory.append(resident_mib(process))
            await asyncio.sleep(1.0)

    async def _generate(self) -> None:
        n = min(self.random.choice((1, 1, 1, 2, 3, 5, 16, 16, 33, 64)), 64)
        first = self.random.randrange(SEEDS - n)
        answer = await self.client.get(f"/generate?n={n}&seed={first}&columns={n}")
        if answer.status_code == 503:
            self.seen["refused"] += 1
            await asyncio.sleep(0.2)
            return
        if answer.status_code != 200:
            self.wrong.append(f"n={n}: {answer.status_code} {answer.text[:200]}")
            return
        for i, tile in enumerate(self._tiles(answer.content, n)):
            if not np.array_equal(tile, self.tiles[first + i]):
                self.wrong.append(f"seed {first + i} of n={n} has other pixels, {answer.headers['Figment-Model']}")
        self.seen["answered"] += 1
        self.seen["images"] += n

    async def _hang_up(self) -> None:
        try:
            async with asyncio.timeout(self.random.uniform(0.0, 0.3)):
                await self.client.get(
                    f"/generate?n={self.random.choice((1, 16, 64))}&seed={self.random.randrange(2**32)}"
                )
        except TimeoutError:
            self.seen["hung up"] += 1

    async def _ask_badly(self) -> None:
        path, status = self.random.choice(list(BAD.items()))
        answer = await self.client.get(path)
        if answer.status_code != status:
            self.wrong.append(f"{path}: {answer.status_code}, not {status}")
        self.seen["bad"] += 1

    def _publish(self, kind: str) -> None:
        bundle = publish(self.store, self.source)
        if kind == "altered":
            (bundle.path / "saved_model.pb").write_bytes(b"altered")
        if kind == "half copied":
            shutil.rmtree(bundle.path / "variables")

    @staticmethod
    def _tiles(png: bytes, n: int) -> list[Pixels]:
        with Image.open(io.BytesIO(png)) as image:
            return np.split(np.asarray(image), n, axis=1)


def publish(store: Store, source: Bundle) -> Bundle:
    """The next version of `soak`: another bundle under that name."""

    def write(folder: Path, version: int) -> Manifest:
        shutil.copytree(source.path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(Path(MANIFEST).name))
        return source.manifest

    return store.publish("soak", None, write)


async def soak(port: int, process: int, store: Store, source: Bundle, seconds: float, clients: int, seed: int) -> Soak:
    """Load the service for so long; returns what was seen."""
    limits = httpx.Limits(max_connections=4 * clients)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=None, limits=limits, trust_env=False
    ) as client:
        run = Soak(client, store, source, 0.0, seed)
        await run.learn()
        run.until = time.monotonic() + seconds
        every = max(2.0, seconds / 30)
        await asyncio.gather(run.publish(every), run.watch_memory(process), *(run.visit() for _ in range(clients)))
    return run


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=600.0, help="(default: %(default)s)")
    parser.add_argument("--clients", type=int, default=12, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shipped = Store(options.models)
    source = shipped.open(shipped.names()[0])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        publish(store, source)
        with serving(store.root) as server:
            run = asyncio.run(
                soak(server.port, server.process, store, source, options.seconds, options.clients, options.seed)
            )
    third = max(1, len(run.memory) // 3)
    middle, last = (statistics.median(part) for part in (run.memory[third : 2 * third], run.memory[-third:]))
    print(f"{options.seconds:g} s, {options.clients} clients; {describe_machine()}")
    for name, count in sorted(run.seen.items()):
        print(f"  {name:20} {count:8,}")
    print(f"  memory, MiB: {run.memory[0]:.0f} at first, {middle:.0f} in the middle third, {last:.0f} in the last")
    if last - middle > GROWTH_MIB:
        run.wrong.append(f"memory grew from {middle:.0f} to {last:.0f} MiB")
    for text, count in Counter(run.wrong).most_common(20):
        print(f"  WRONG: {text} ({count} times)")
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
