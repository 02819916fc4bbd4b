"""A rolling restart of two replicas behind HAProxy, as plain processes."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.server import free_port
from tests.faults.lab import Lab, damage, fingerprint, warmed
from tests.faults.load import Load
from tests.faults.outcome import Outcome
from tests.faults.replica import Replica, until

ROUNDS = 2
GRACE = 5.0
"""Seconds, of which HAProxy needs a fifth to notice, and on a busy machine more."""
CONFIGURATION = """
global
    maxconn 256
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 5s
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response 503
frontend http
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1
    server one 127.0.0.1:{ports[0]}
    server two 127.0.0.1:{ports[1]}
listen stats
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /
"""


@contextmanager
def haproxy(folder: Path, ports: list[int]) -> Iterator[tuple[str, str]]:
    """HAProxy before some ports; gives its address, and that of its statistics as CSV."""
    port, stats = free_port(), free_port()
    file = folder / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(port=port, ports=ports, stats=stats))
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stats}/;csv"
    finally:
        process.kill()
        process.wait()


def is_there() -> bool:
    """Whether HAProxy is installed."""
    return shutil.which("haproxy") is not None


async def rolling_restart(lab: Lab) -> Outcome:
    """Each of two replicas is ended and started again under load, twice: nothing fails."""
    outcome = Outcome(f"rolling restart of two replicas behind HAProxy, {ROUNDS} times")
    store = lab.fake_store("rolling")
    files = fingerprint(store)
    async with lab.fake(store, grace=GRACE) as (one, known, before), lab.fake(store, grace=GRACE) as (two, _, _):
        with haproxy(lab.path("haproxy"), [one.port, two.port]) as (url, stats):
            await _sees(stats, 2)
            async with Load(url, known, clients=4, pause=0.02) as load:
                for _ in range(ROUNDS):
                    for replica in (one, two):
                        await load.reach(20)
                        assert await replica.end() == 0
                        outcome.healthy = max(outcome.healthy, await replica.back(known))
                        await _sees(stats, 2)
                await load.reach(20)
        assert not load.answers.failures, load.answers.failures[:3]
        assert not load.answers.refused
        outcome.count(load.answers)
        await warmed(one, known)
        outcome.leaks, outcome.damaged = await one.leaks(before), damage(store, files)
    return outcome


async def _sees(stats: str, count: int) -> None:
    """Return when HAProxy holds so many replicas for ready."""

    async def seen() -> bool:
        lines = (await Replica.fetch(stats)).splitlines()
        return sum(line.startswith("replicas,") and ",UP," in line for line in lines) == count + 1  # and the backend

    await until(seen, f"HAProxy never saw {count} replicas")
