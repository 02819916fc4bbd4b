"""A service as a process of its own: started, looked at through /proc, and ended."""

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.sampling import count
from bench.server import free_port
from tests.faults.load import Pixels, pixels_of

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
"""Seconds for a process to start, to settle or to end, on a busy machine."""
SLACK = (min(32, (os.cpu_count() or 1) + 4), 2)
"""Threads and files that may be more than before: asyncio's pool of threads grows, up to so many, when it must."""
SETTLING = 60.0
"""Seconds in which what is gone must have been given back, on a busy machine."""
REAL, FAKE = ("-m", "service"), ("-m", "tests.faults.fake")


class Usage(NamedTuple):
    """What a process holds."""

    threads: int
    files: int
    waiting: int
    """Rows that wait for the device."""


class Replica:
    """A service on a port that stays the same when it is started again."""

    def __init__(self, store: Path, log: Path, command: tuple[str, ...] = FAKE, **settings: object) -> None:
        self.port, self.log, self._command = free_port(), log, command
        chosen = {"models": store, "port": self.port, "grace": 0.5, "poll": 0.2, "max_batch": 16}
        chosen |= {"log_level": "warning"} | settings
        self._settings = {f"FIGMENT_{name.upper()}": str(value) for name, value in chosen.items()}
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return hasattr(self, "popen") and self.popen.poll() is None

    async def start(self) -> None:
        """Return when it is ready."""
        self._begin()
        await self.ready()

    def _begin(self) -> None:
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""} | self._settings
        with self.log.open("ab") as log:
            command = [sys.executable, *self._command]
            self.popen = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    async def ready(self) -> None:
        """Return when it says so."""
        await until(self._is_ready, f"{self.url} was not ready: {self.said()[-2000:]}")

    async def healthy(self, known: Pixels, path: str = "/images/7.png") -> float:
        """The seconds until it is ready and draws a picture as before."""
        begin = time.monotonic()
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False) as client:

            async def draws() -> bool:
                try:
                    ready, answer = await client.get("/readyz"), await client.get(path)
                except httpx.HTTPError:
                    return False
                if ready.status_code != 200 or answer.status_code != 200:
                    return False
                assert pixels_of(answer.content) == known[path], "other pixels than before"
                return True

            await until(draws, f"{self.url} did not recover: {self.said()[-2000:]}")
        return time.monotonic() - begin

    async def back(self, known: Pixels) -> float:
        """Start it; the seconds until it is healthy."""
        begin = time.monotonic()
        await self.start()
        await self.healthy(known)
        return time.monotonic() - begin

    async def _is_ready(self) -> bool:
        assert self.popen.poll() is None, f"ended with {self.popen.returncode}: {self.said()[-2000:]}"
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def get(self, path: str) -> httpx.Response:
        """One answer, on a connection of its own."""
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False) as client:
            return await client.get(path)

    @staticmethod
    async def fetch(url: str) -> str:
        """The text at an address; empty where nobody answers yet."""
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
                return (await client.get(url)).text
        except httpx.HTTPError:
            return ""

    async def usage(self) -> Usage:
        """What it holds now, without the connection that asks."""
        text = (await self.get("/metrics")).text
        waiting = sum(float(value) for value in re.findall(r"^figment_waiting_\w+{.*} (\S+)$", text, re.MULTILINE))
        await asyncio.sleep(0.01)
        return Usage(count(self.popen.pid, "task"), count(self.popen.pid, "fd"), int(waiting))

    async def leaks(self, before: Usage) -> list[str]:
        """What it holds more than before, once it has had time to give it back."""
        end = time.monotonic() + SETTLING
        while True:
            now = await self.usage()
            more = [f"{now[i] - before[i]} {Usage._fields[i]}" for i in range(2) if now[i] > before[i] + SLACK[i]]
            more += [f"{now.waiting} rows"] * bool(now.waiting)
            if not more or time.monotonic() > end:
                return more
            await asyncio.sleep(0.1)

    def limit_files(self, most: int) -> int:
        """Let it open so many files at most; returns how many it could before."""
        before, hard = resource.prlimit(self.popen.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.popen.pid, resource.RLIMIT_NOFILE, (most, hard))
        return before

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def hear(self, pattern: str, since: int = 0) -> None:
        """Return when its log says something, behind so many characters."""

        async def heard() -> bool:
            return re.search(pattern, self.said()[since:]) is not None

        await until(heard, f"it never said {pattern}")

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.popen.send_signal(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, unless it has ended, and return its exit status."""
        if self.popen.poll() is None:
            self.send(number)
        return await asyncio.to_thread(self.popen.wait, PATIENCE)

    def kill(self) -> None:
        """End it whatever it does."""
        if hasattr(self, "popen"):
            self.popen.kill()
            self.popen.wait(PATIENCE)


async def until(condition: Callable[[], Awaitable[bool]], complaint: str, seconds: float = PATIENCE) -> None:
    """Return when an awaited condition holds.

    Raises:
        AssertionError: it did not for so long.
    """
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, complaint
        await asyncio.sleep(0.03)
