"""Ctrl-C, SIGTERM and a terminal that is closed, as a request to stop after the step."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGINT (Ctrl-C), SIGTERM or SIGHUP comes; a second Ctrl-C interrupts at once.

    Who ignores SIGHUP, as `nohup` has it, goes on doing so. After it nothing is written to a terminal any more.
    """
    received: list[int] = []
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def handle(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGHUP:
            silence(terminals)
        received.append(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def silence(descriptors: Sequence[int]) -> None:
    """Let what is written there go nowhere: to a terminal that is gone every line would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
