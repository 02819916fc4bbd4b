import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.signals import stop_signals

ROOT = Path(__file__).parents[2]

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def hearing() -> Iterator[None]:
    """SIGHUP is heard, also where the tests themselves run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_a_request(number: int) -> None:
    with stop_signals() as stopped:
        assert stopped == []
        os.kill(os.getpid(), number)
        assert stopped == [number]


def test_who_ignores_a_closed_terminal_goes_on_doing_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as stopped:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stopped == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", NUMBERS)
def test_a_second_ctrl_c_interrupts_at_once(first: int) -> None:
    with stop_signals():
        os.kill(os.getpid(), first)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_are_given_back_also_after_an_error() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ZeroDivisionError), stop_signals():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in NUMBERS] == before


CHILD = """
import sys, time
from pathlib import Path
from training.signals import stop_signals
with stop_signals() as stopped:
    print("waiting", flush=True)
    while not stopped:
        time.sleep(0.01)
    time.sleep(0.2)
    print("a word to a terminal that is gone", flush=True)
    Path(sys.argv[1]).write_text("saved")
"""


def test_a_terminal_that_is_gone_takes_nothing_and_costs_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", CHILD, str(tmp_path / "state")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as child:
        os.close(theirs)
        assert os.read(ours, 100).startswith(b"waiting")
        os.close(ours)
        child.send_signal(signal.SIGHUP)
        try:
            assert child.wait(60) == 0
        finally:
            child.kill()
    assert (tmp_path / "state").read_text() == "saved"
