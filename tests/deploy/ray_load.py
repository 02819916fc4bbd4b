"""Requests to a service on Ray, from threads: what each was answered."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import NamedTuple

from bench.ray_cluster import ROOT

MODELS = ROOT / "models"
SETTINGS = {"FIGMENT_MODELS": str(MODELS), "FIGMENT_MAX_BATCH": "16", "FIGMENT_DEADLINE": "300"}
GENERATOR = "ServeReplica:figment:Generator"
"""In the titles of processes that are generator replicas."""
PATIENCE = 900.0
"""Seconds until something counts as not coming any more."""


class Answer(NamedTuple):
    """What came; status 0 and the error for a connection that was lost."""

    status: int
    headers: dict[str, str]
    body: bytes


def get(port: int, path: str, **headers: str) -> Answer:
    """Ask once."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    except OSError as error:
        return Answer(0, {}, repr(error).encode())
    with answer:
        return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())


def wait(condition: Callable[[], object]) -> None:
    """Return once it holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Load:
    """So many clients that ask one request after the other for small grids, as long as the block."""

    def __init__(self, port: int, clients: int) -> None:
        self.answers: dict[str, Answer] = {}
        """By path, in the order in which they came."""
        self._port, self._stop = port, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(clients)]

    def _ask(self, client: int) -> None:
        for i in range(1_000_000 // 8):
            if self._stop.is_set():
                return
            path = f"/generate?n={1 + i % 4}&seed={1_000_000 * client + 8 * i}"
            self.answers[path] = get(self._port, path)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def more(self, count: int) -> None:
        """Return once so many more were answered."""
        there = len(self.answers)
        wait(lambda: len(self.answers) >= there + count)

    def failed(self) -> list[Answer]:
        """Those that were not answered with a picture."""
        return [answer for answer in self.answers.values() if answer.status != 200]
