"""A closed-loop load: so many connections, each sending its next request when the last is answered."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came back: answers a second, and the latencies in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that `share` of the answers stay below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run_load(port: int, path: Callable[[int], str], connections: int, seconds: float, warm: float = 2.0) -> Load:
    """Load 127.0.0.1:`port` for `seconds`, after `warm` seconds that do not count; `path` gives the i-th request's."""
    begin = time.perf_counter() + warm
    load = Load(seconds)
    counter = iter(range(1 << 62))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (sent := time.perf_counter()) < begin + seconds:
            status = await _request(reader, writer, path(next(counter)))
            done = time.perf_counter()
            if status == 503:
                load.refused += 1
                await asyncio.sleep(0.01)
            elif status != 200:
                raise RuntimeError(f"the service answered {status}")
            elif sent >= begin and done <= begin + seconds:
                load.latencies.append(done - sent)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return load


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length:")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1])
