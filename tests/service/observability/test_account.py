import pytest

from service.api.problem_kinds import KINDS
from service.engine.protocol import EngineError
from service.observability.account import CURRENT, Account, current, outcome_of


@pytest.mark.parametrize(
    ("status", "problem", "outcome"),
    [
        (200, "", "ok"), (304, "", "ok"), (422, "invalid-parameter", "invalid"), (404, "not-found", "invalid"),
        (400, "invalid-parameter", "invalid"), (503, "overloaded", "refused"), (503, "not-ready", "refused"),
        (429, "anything", "refused"), (401, "", "refused"), (403, "", "refused"), (504, "timeout", "timeout"),
        (499, "", "hung-up"), (500, "internal", "failed"), (500, "inference-failed", "failed"), (0, "", "failed"),
    ],
)  # fmt: skip
def test_how_a_request_ended(status: int, problem: str, outcome: str) -> None:
    assert outcome_of(status, problem) == outcome


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_problem_is_taken_for_a_success(kind: str) -> None:
    assert outcome_of(KINDS[kind].status, kind) in ("invalid", "refused", "timeout", "failed")


def test_a_problem_counts_though_the_answer_had_begun_well() -> None:
    account = Account()
    account.fail("timeout", 504)
    assert account.outcome(200) == "timeout"


def test_a_stage_is_the_sum_of_its_parts_and_measured_where_it_fails() -> None:
    account = Account()
    account.add("encode", 1.0, 1.5)
    account.add("encode", 4.0, 4.25)
    assert account.stages == {"encode": 0.75}
    with pytest.raises(ValueError, match="no such side"), account.stage("encode"):
        raise ValueError("no such side")
    assert account.stages["encode"] >= 0.75
    assert len(account.parts) == 3


@pytest.mark.parametrize(
    ("times", "failed", "stages"),
    [
        ((1.0, 1.5, 3.0), False, {"queue": 0.5, "inference": 1.5}),
        ((1.0, 1.5, 3.0), True, {"queue": 0.5, "inference": 1.5}),
        ((1.0, 2.0, 2.0), True, {"queue": 1.0}),  # it was given up before its turn came
        ((0.0, 0.0, 0.0), True, {}),  # it was refused
    ],
)
def test_a_drawing_is_its_queue_and_its_inference(
    times: tuple[float, float, float], failed: bool, stages: dict[str, float]
) -> None:
    account = Account()
    try:
        with account.drawing("tiny", 3) as timing:
            timing.asked, timing.begun, timing.done = times
            if failed:
                raise EngineError("burst")
    except EngineError:
        assert failed
    assert account.stages == stages
    assert (account.model, account.version) == ("tiny", 3)


def test_outside_of_a_request_nobody_reads_the_account() -> None:
    assert current() is not current()
    account = Account()
    token = CURRENT.set(account)
    assert current() is account
    CURRENT.reset(token)
