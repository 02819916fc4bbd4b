"""What a training job on Ray does after its workers have ended; no Ray is needed for that."""

from pathlib import Path

import pytest

from deploy.ray.rounds import GONE, Patience, orders, verdict
from training.cluster import WORKER_LOST
from training.supervisor import RESTARTS, STOPPED


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([0, 0], "done"),
        ([0, WORKER_LOST], "done"),  # the chief was at the end already
        ([0, GONE], "done"),
        ([STOPPED, STOPPED], "stopped"),
        ([WORKER_LOST, GONE], "again"),
        ([GONE, WORKER_LOST], "again"),
        ([WORKER_LOST, WORKER_LOST], "again"),
        ([1, GONE], "again"),  # TensorFlow may end otherwise than with 75 when another is gone
        ([1, WORKER_LOST], "failed"),
        ([WORKER_LOST, 1], "failed"),
        ([2, 2], "failed"),
    ],
)
def test_what_comes_next(statuses: list[int], expected: str) -> None:
    assert verdict(statuses) == expected


def test_workers_fit_until_there_is_a_run_to_resume() -> None:
    given = ["--data", "/shared/faces", "--images", "1M"]
    assert orders(given, None) == ["-m", "training", "fit", *given, "--strategy", "multiworker"]
    run = Path("/shared/runs/00000-faces-ns")
    assert orders(given, run) == ["-m", "training", "resume", str(run), "--strategy", "multiworker"]


def test_rounds_without_a_checkpoint_are_counted() -> None:
    patience = Patience()
    assert [patience.gave_up(0) for _ in range(RESTARTS + 1)] == [False] * RESTARTS + [True]


def test_a_checkpoint_between_counts() -> None:
    patience = Patience()
    assert not any(patience.gave_up(i // RESTARTS) for i in range(6 * RESTARTS))
