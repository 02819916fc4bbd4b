"""When a reader counts as too slow, on a transport and a clock of the test's own."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from service.limits import reader as module
from service.limits.bounds import LEAST_RATE, SLOW_LOOKS
from service.limits.reader import Reader, unacknowledged

SECONDS = 20.0
ENOUGH = int(LEAST_RATE * SECONDS)


class Connection:
    """A transport and its event loop: what is to be taken, here and in the kernel; `look` comes to the next look."""

    def __init__(self, here: int, kernel: int = 0) -> None:
        self.here, self.kernel = here, kernel
        self.next: Callable[[], None] | None = None

    def get_write_buffer_size(self) -> int:
        return self.here

    def get_extra_info(self, name: str) -> None:
        """It has no socket."""

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:  # noqa: ANN401
        assert seconds == SECONDS
        self.next = function
        return self

    def cancel(self) -> None:
        self.next = None

    def look(self) -> None:
        function, self.next = self.next, None
        assert function is not None
        function()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Connection, Reader, list[int]]:
    """A connection with 10 MB that wait, its reader, and how often that was called too slow."""
    connection, slow = Connection(10**7), list[int]()
    monkeypatch.setattr(module, "unacknowledged", lambda _: connection.kernel)
    reader = Reader(connection, connection, SECONDS, lambda: slow.append(1))  # type: ignore[arg-type]
    reader.watch()
    return connection, reader, slow


def test_who_takes_enough_is_never_slow(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, _, slow = watched
    for _ in range(100):
        connection.here -= ENOUGH
        connection.look()
    assert slow == []


def test_who_takes_less_at_every_look_is_slow_at_the_third(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, _, slow = watched
    for _ in range(SLOW_LOOKS):
        assert slow == []
        connection.here -= ENOUGH - 1
        connection.look()
    assert slow == [1]
    assert connection.next is None


def test_what_the_kernel_has_given_away_counts(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, _, slow = watched
    connection.kernel = 4 * 10**6
    connection.look()  # the kernel has filled its buffer
    for _ in range(20):
        connection.kernel -= ENOUGH
        connection.look()
    assert slow == []


def test_lumps_are_no_slowness(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, _, slow = watched
    for i in range(60):
        connection.here -= SLOW_LOOKS * ENOUGH if i % SLOW_LOOKS == SLOW_LOOKS - 1 else 0
        connection.look()
    assert slow == []


def test_another_answer_begins_anew(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, reader, slow = watched
    for _ in range(20):
        connection.look()
        connection.look()
        connection.here += 10**6
        reader.watch()
    assert slow == []


def test_nothing_is_looked_at_where_all_is_taken(watched: tuple[Connection, Reader, list[int]]) -> None:
    connection, reader, slow = watched
    connection.here = 0
    connection.look()
    reader.watch()
    assert (connection.next, slow) == (None, [])
    connection.here = 5
    reader.watch()
    reader.stop()
    assert connection.next is None


def test_what_is_sent_and_not_taken_is_unacknowledged_until_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as connection:
            connection.setblocking(False)
            sent = 0
            while True:
                try:
                    sent += connection.send(bytes(2**16))
                except BlockingIOError:
                    break
            assert 0 < unacknowledged(connection) <= sent
            for _ in range(10_000):
                if not unacknowledged(connection):
                    break
                client.recv(2**20)
            assert unacknowledged(connection) == 0
        assert unacknowledged(connection) == 0  # it is closed
    assert unacknowledged(None) == 0
