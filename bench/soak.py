"""`python -m bench.soak`: the real service under random requests, hang-ups, bad requests and new versions.

First as many clients as given ask as fast as they are answered: that is the capacity, of the service and this client
together. Then requests are sent at a share of that rate, whether or not others were answered. All versions that are
published draw the same, so every tile has pixels that are known from the start, whoever asks for it with whom and
whatever is swapped meanwhile. It ends with status 1 if a pixel was wrong, a request lost, more than one in fifty
refused, or memory, threads or open files grew; what it saw is in bench/results/soak.json, and `python -m bench.plots`
draws it.
"""

import argparse
import asyncio
import io
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.machine import describe_machine, write_result
from bench.sampling import Sampler, growth, interval, thirds
from bench.server import Server, serving
from bundle.manifest import Manifest
from bundle.store import MANIFEST, Bundle, Store

SEEDS = 256
UNDER_WAY = 400
"""Requests at a time: more, and those that are due are not sent but counted, so that this client stays bounded."""
NOT_SENT = "not sent: too many under way"
MOST_REFUSED = 0.02
"""Of all requests."""
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

    def __init__(self, client: httpx.AsyncClient, store: Store, source: Bundle, sampler: Sampler, seed: int) -> None:
        self.client, self.store, self.source, self.sampler = client, store, source, sampler
        self.until = 0.0
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.tiles: list[Pixels] = []

    async def learn(self) -> None:
        """The pixels of every seed, asked for one at a time."""
        self.tiles = [
            self._tiles((await self.client.get(f"/images/{seed}.png")).content, 1)[0] for seed in range(SEEDS)
        ]

    async def visit(self) -> None:
        """One client: a random request after another."""
        while time.monotonic() < self.until:
            await self._once()

    async def send(self, rate: float) -> None:
        """So many random requests a second, whether or not others were answered."""
        begin, under_way, number = time.monotonic(), set[asyncio.Task[None]](), 0
        while (due := begin + number / rate) < self.until:
            await asyncio.sleep(due - time.monotonic())
            number += 1
            if len(under_way) >= UNDER_WAY:
                self.seen[NOT_SENT] += 1
                continue
            under_way.add(task := asyncio.create_task(self._once()))
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def sample(self, every: float) -> None:
        """What the process holds, time after time."""
        while time.monotonic() < self.until:
            await asyncio.sleep(every)
            self.sampler.sample()

    async def _once(self) -> None:
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

    async def _generate(self) -> None:
        n = min(self.random.choice((1, 1, 1, 2, 3, 5, 16, 16, 33, 64)), 64)
        first = self.random.randrange(SEEDS - n)
        begin = time.monotonic()
        answer = await self.client.get(f"/generate?n={n}&seed={first}&columns={n}")
        if answer.status_code == 503:
            self.seen["refused"] += 1
            await asyncio.sleep(0.2)
            return
        if answer.status_code != 200:
            self.wrong.append(f"n={n}: {answer.status_code} {answer.text[:200]}")
            return
        self.sampler.latencies.append(time.monotonic() - begin)
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


async def soak(server: Server, store: Store, source: Bundle, options: argparse.Namespace) -> tuple[Soak, float]:
    """Measure the capacity, then load the service for as long as asked; returns what was seen, and the capacity."""
    seconds, sampler = 60.0 * options.minutes, Sampler(server.process)
    limits = httpx.Limits(max_connections=2 * UNDER_WAY)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", timeout=None, limits=limits, trust_env=False
    ) as client:
        run = Soak(client, store, source, sampler, options.seed)
        await run.learn()
        run.until = time.monotonic() + options.measure
        await asyncio.gather(*(run.visit() for _ in range(options.clients)))
        capacity = sum(run.seen[kind] for kind in ("answered", "hung up", "bad")) / options.measure
        run.seen.clear()
        sampler.latencies.clear()
        sampler.began = time.monotonic()
        run.until = sampler.began + seconds
        every = max(2.0, seconds / 30)
        await asyncio.gather(run.publish(every), run.sample(interval(seconds)), run.send(options.share * capacity))
    return run, capacity


def result_of(run: Soak, capacity: float, options: argparse.Namespace) -> dict[str, Any]:
    """What is kept of a run."""
    return {
        "minutes": options.minutes,
        "share": options.share,
        "capacity": round(capacity, 1),
        "seen": dict(sorted(run.seen.items())),
        "wrong": dict(Counter(run.wrong).most_common(20)),
        "samples": run.sampler.as_json(),
    }


def unanswered(seen: Counter[str]) -> list[str]:
    """What is wrong with how many were answered: at 80 % of what it can do a service refuses hardly anything."""
    lost, answered = seen["refused"] + seen[NOT_SENT], seen["answered"]
    if lost > MOST_REFUSED * (lost + answered) or not answered:
        return [f"{lost} of {lost + answered} requests were refused, or not sent since too many were under way"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--minutes", type=float, default=30.0, help="(default: %(default)s)")
    parser.add_argument("--measure", type=float, default=15.0, help="seconds for the capacity (default: %(default)s)")
    parser.add_argument("--share", type=float, default=0.8, help="of the capacity (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=12, help="that measure the capacity (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shipped = Store(options.models)
    source = shipped.open(shipped.names()[0])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        publish(store, source)
        with serving(store.root) as server:
            run, capacity = asyncio.run(soak(server, store, source, options))
    run.wrong += growth(run.sampler.samples) + unanswered(run.seen)
    print(f"{options.minutes:g} minutes at {options.share:.0%} of {capacity:.1f} requests/s; {describe_machine()}")
    for name, count in sorted(run.seen.items()):
        print(f"  {name:30} {count:8,}")
    for key in ("mib", "threads", "files", "p50", "p99"):
        middle, last = thirds(run.sampler.samples, key)
        print(f"  {key:8} {middle:10.3f} in the middle third, {last:10.3f} in the last")
    for text, count in Counter(run.wrong).most_common(20):
        print(f"  WRONG: {text} ({count} times)")
    print(write_result("soak", result_of(run, capacity, options)))
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
