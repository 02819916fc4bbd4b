"""A small bounded load: some clients that ask for known pictures, and what each of them was answered."""

import asyncio
import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from PIL import Image

PATIENCE = 300.0
"""Seconds after which a request counts as lost: ten times the service's deadline, since a busy machine is slow."""
CLIENTS = 8
MOST = 4000
"""Requests of one load at most."""
PATHS = (
    *(f"/images/{seed}.png" for seed in range(24)),
    *(f"/generate?n={n}&seed={seed}" for n in (2, 5, 16) for seed in range(4)),
)

Pixels = dict[str, bytes]
"""Those of each path, from before a fault."""


@dataclass(frozen=True)
class Failure:
    """A request without its picture: why, and when it was under way, by the monotonic clock."""

    reason: str
    path: str
    begun: float
    ended: float


@dataclass
class Answers:
    """What a load was answered."""

    answered: int = 0
    refused: int = 0
    failures: list[Failure] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """All requests."""
        return self.answered + self.refused + len(self.failures)

    def but(self, allowed: Callable[[Failure], bool]) -> list[Failure]:
        """The failures that did not have to be."""
        return [failure for failure in self.failures if not allowed(failure)]


def pixels_of(png: bytes) -> bytes:
    """The pixels of a picture, whatever its texts say."""
    with Image.open(io.BytesIO(png)) as image:
        return bytes(image.tobytes())


def client_of(url: str, connections: int = 64) -> httpx.AsyncClient:
    """A client that neither retries nor follows."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False)


async def learn(url: str) -> Pixels:
    """The pixels of all paths, from a service at rest."""
    async with client_of(url) as client:
        answers = {path: await client.get(path) for path in PATHS}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: pixels_of(answer.content) for path, answer in answers.items()}


class Load:
    """Clients that ask on until they are told to stop, or `MOST` requests were sent."""

    def __init__(self, url: str, known: Pixels, clients: int = CLIENTS, pause: float = 0.005) -> None:
        self.url, self.known, self.answers = url, known, Answers()
        self._clients, self._pause, self._random = clients, pause, random.Random(0)
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        self._client = client_of(self.url)
        self._tasks = [asyncio.create_task(self._visit()) for _ in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def reach(self, answered: int, seconds: float = PATIENCE) -> None:
        """Return when so many more were answered."""
        goal = self.answers.answered + answered
        async with asyncio.timeout(seconds):
            while self.answers.answered < goal:
                assert any(not task.done() for task in self._tasks), "the load has ended"
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        """Send no more; what is under way is waited for at the end of the block."""
        self._stopping = True

    async def _visit(self) -> None:
        while not self._stopping and self.answers.sent < MOST:
            path, begun = self._random.choice(PATHS), time.monotonic()
            try:
                answer = await self._client.get(path)
            except httpx.HTTPError as error:
                self._fail(reason_of(error), path, begun)
                await asyncio.sleep(0.05)  # nobody is there, and need not be asked a thousand times
            else:
                self._count(path, answer, begun)
            await asyncio.sleep(self._pause)

    def _count(self, path: str, answer: httpx.Response, begun: float) -> None:
        if answer.status_code in (429, 503):
            self.answers.refused += 1
        elif answer.status_code != 200:
            self._fail(problem_of(answer), path, begun)
        else:
            self.answers.answered += 1
            if pixels_of(answer.content) != self.known[path]:
                self.answers.wrong.append(path)

    def _fail(self, reason: str, path: str, begun: float) -> None:
        self.answers.failures.append(Failure(reason, path, begun, time.monotonic()))


def reason_of(error: httpx.HTTPError) -> str:
    """Why there was no answer."""
    if isinstance(error, httpx.ConnectError):
        return "not connected"
    if isinstance(error, httpx.ReadError | httpx.RemoteProtocolError | httpx.WriteError | httpx.CloseError):
        return "connection lost"
    return type(error).__name__


def problem_of(answer: httpx.Response) -> str:
    """The status and the type of a problem."""
    kind = answer.json()["type"].rpartition("/")[2] if "json" in answer.headers.get("Content-Type", "") else "no JSON"
    return f"{answer.status_code} {kind}"
