"""What a worker that follows ends with: a scheduler takes 0 for done, and starts the others again."""

from typing import Any

import pytest

from training.cluster import Cluster
from training.commands.distribution import follow
from training.distribute import Order
from training.recipe import load_recipe

pytestmark = pytest.mark.tensorflow


class Followed:
    """Replicas whose chief ends as it is told."""

    cluster = Cluster(("a:1", "b:1"), 1)

    def __init__(self, ending: Order) -> None:
        self._ending = ending

    def follow(self, batches: Any) -> Order:  # noqa: ANN401
        return self._ending


@pytest.mark.parametrize(("ending", "status"), [(Order.END, 0), (Order.STOP, 130), (Order.FAIL, 1)])
def test_the_status_says_how_the_chief_ended(
    ending: Order, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.batches.Batches", lambda *_: None)

    class Run:
        class settings:  # noqa: N801
            recipe, seed = load_recipe("ns", []), 1

    assert follow(Followed(ending), Run, None) == status  # type: ignore[arg-type]
    assert ("worker 1: the chief failed" in capsys.readouterr().err) == (ending is Order.FAIL)
