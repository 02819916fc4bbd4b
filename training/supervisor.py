"""Several worker processes on this machine for one run: started, watched, and all started again when one dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from training.cluster import WORKER_LOST, Cluster
from training.errors import Failed
from training.signals import stop_signals

RESTARTS: Final = 3
"""So often in a row, without a checkpoint between, are the workers started again."""
POLL: Final = 0.2
"""Seconds between two looks at the workers."""
GRACE: Final = 20.0
"""Seconds that the others have to end by themselves when one has ended: the chief may be writing the report."""
STOPPED: Final = 130
"""The exit status of a run that was stopped by a signal."""


def supervise(run: Path, workers: int, every: int | None, say: Callable[[str], None]) -> int:
    """Train a run with so many worker processes on this machine, from its last checkpoint, to its end.

    A worker that is killed, or ends because another has, is a reason to start all again; one that says that it
    failed is not. SIGINT and SIGTERM are passed on to the chief, which ends the run with a checkpoint.

    Args:
        run: the run's folder.
        workers: how many.
        every: images between two checkpoints; None for a fortieth of the run.
        say: told what happened.

    Returns:
        The exit status: 0, or 130 if the run was stopped by a signal.

    Raises:
        Failed: a worker failed for a reason of its own, or they died too often.
    """
    command = [sys.executable, "-m", "training", "resume", str(run), "--strategy", "multiworker"]
    command += ["--every", str(every)] if every else []
    with stop_signals() as stopped:
        restarts = 0
        while True:
            before = _last_checkpoint(run)
            statuses = _run_all(command, workers, stopped)
            if statuses[0] in (0, STOPPED):
                return statuses[0]
            dead = [i for i, status in enumerate(statuses) if status < 0]
            failed = [i for i, status in enumerate(statuses) if status > 0 and status != WORKER_LOST]
            if failed and not dead:
                raise Failed(f"worker {failed[0]} failed with status {statuses[failed[0]]}; what it said is above")
            if stopped:  # before the chief could take the signal
                return STOPPED
            restarts = 0 if _last_checkpoint(run) != before else restarts + 1
            if restarts > RESTARTS:
                raise Failed(
                    f"the workers died {restarts} times without reaching a checkpoint; see what they said above"
                )
            names = ", ".join(f"worker {i} by {signal.Signals(-statuses[i]).name}" for i in dead) or "one worker"
            say(f"{names} died; all {workers} begin again from the last checkpoint")


def _run_all(command: Sequence[str], workers: int, stopped: Sequence[int]) -> list[int]:
    """Start all workers, wait for their end, and see to it when one has died; returns their exit statuses."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(workers))
    with ExitStack() as stack:
        processes = []
        for index in range(workers):
            environment = os.environ | {"TF_CONFIG": Cluster(addresses, index).tf_config()}
            # a session of its own: Ctrl-C comes to this process alone, and is passed on
            process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 (our own program; no shell)
            stack.callback(_end, process)
            processes.append(process)
        passed, deadline = 0, float("inf")
        while any(process.poll() is None for process in processes):
            for number in stopped[passed:]:
                processes[0].send_signal(number)
            passed = len(stopped)
            if any(process.poll() is not None for process in processes):
                deadline = min(deadline, time.monotonic() + GRACE)
            if time.monotonic() > deadline:
                break
            time.sleep(POLL)
        statuses = [process.poll() for process in processes]
    return [WORKER_LOST if status is None else status for status in statuses]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _last_checkpoint(run: Path) -> int:
    """When it was written."""
    try:
        return (run / "checkpoints" / "checkpoint").stat().st_mtime_ns
    except OSError:
        return 0
