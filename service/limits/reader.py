"""How a client takes what is written to it: who takes too little for too long is told of."""

import asyncio
import fcntl
import socket
import struct
import termios
from asyncio.events import TimerHandle
from collections.abc import Callable

from service.limits.bounds import LEAST_RATE, SLOW_LOOKS


class Reader:
    """Looks at a connection as long as something waits to be taken.

    Args:
        transport: of the connection.
        loop: its event loop.
        seconds: between two looks.
        too_slow: called once it has taken less than `LEAST_RATE` at `SLOW_LOOKS` looks in a row.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        too_slow: Callable[[], None],
    ) -> None:
        self._transport, self._loop, self._seconds, self._too_slow = transport, loop, seconds, too_slow
        self._look: TimerHandle | None = None
        self._untaken = self._slow = 0

    def watch(self) -> None:
        """Give what is not taken now its time, from now on: what was looked at before belongs to an earlier answer."""
        self._slow = 0
        self._wait()

    def stop(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def reset(self) -> None:
        """Close at once; else the kernel would go on keeping megabytes for a client that does not take them."""
        if (connection := self._socket) is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    @property
    def _socket(self) -> socket.socket | None:
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        return connection

    def _wait(self) -> None:
        self.stop()
        if self._transport.get_write_buffer_size():
            self._untaken = self._not_taken()
            self._look = self._loop.call_later(self._seconds, self._judge)

    def _judge(self) -> None:
        enough = self._untaken - self._not_taken() >= LEAST_RATE * self._seconds
        self._slow = 0 if enough else self._slow + 1
        if self._transport.get_write_buffer_size() and self._slow >= SLOW_LOOKS:
            self._too_slow()
        else:
            self._wait()

    def _not_taken(self) -> int:
        """Bytes: here, and in the kernel, which holds megabytes before it asks for more."""
        return self._transport.get_write_buffer_size() + unacknowledged(self._socket)


def unacknowledged(connection: socket.socket | None) -> int:
    """Bytes of a connection that the kernel has sent or is to send, and that are not acknowledged (tcp(7), SIOCOUTQ);
    0 where it does not say."""
    if connection is None:
        return 0
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (OSError, ValueError):  # it is closed
        return 0
    return int(count)
