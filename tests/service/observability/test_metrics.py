import pytest
from prometheus_client import CollectorRegistry

from service.limits.refusals import REASONS
from service.observability.account import Account
from service.observability.metrics import METHODS, Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    registry: CollectorRegistry = metrics.registry
    return registry.get_sample_value(name, labels)


def test_each_service_has_a_registry_of_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.record("/generate", "GET", 200, 0.1, Account())
    labels = {"route": "/generate", "method": "GET", "status": "200"}
    assert value(one, "figment_requests_total", **labels) == 1.0
    assert value(other, "figment_requests_total", **labels) is None


def test_a_picture_is_counted_with_its_stages() -> None:
    metrics, account = Metrics(), Account(model="tiny", version=2, images=16)
    account.add("queue", 0.0, 0.003)
    account.add("inference", 0.003, 0.5)
    metrics.record("/generate", "GET", 200, 0.6, account)
    assert value(metrics, "figment_images_total", model="tiny") == 16.0
    assert value(metrics, "figment_request_seconds_sum", route="/generate", outcome="ok") == 0.6
    assert value(metrics, "figment_stage_seconds_sum", stage="queue", outcome="ok") == 0.003
    assert value(metrics, "figment_stage_seconds_bucket", stage="queue", outcome="ok", le="0.0025") == 0.0
    assert value(metrics, "figment_stage_seconds_bucket", stage="queue", outcome="ok", le="0.005") == 1.0


@pytest.mark.parametrize(
    ("kind", "status", "cause", "metric", "reason"),
    [
        ("overloaded", 503, "queue-full", "refused", "queue-full"),
        ("overloaded", 503, "deadline", "refused", "deadline"),
        ("not-ready", 503, "", "refused", "not-ready"),
        ("unauthorized", 401, "", "refused", "unauthorized"),  # of whoever asks for keys
        ("", 429, "", "refused", "429"),
        ("timeout", 504, "", "cancelled", "deadline"),
        ("", 499, "", "cancelled", "client-gone"),
    ],
)
def test_what_was_not_answered_is_counted_by_its_reason_with_the_stages_it_had(
    kind: str, status: int, cause: str, metric: str, reason: str
) -> None:
    metrics, account = Metrics(), Account(model="tiny", images=4)
    account.add("queue", 0.0, 1.0)
    account.fail(kind, status, cause)
    metrics.record("/generate", "GET", status, 1.0, account)
    assert value(metrics, f"figment_{metric}_total", reason=reason) == 1.0
    outcome = account.outcome(status)
    assert value(metrics, "figment_stage_seconds_count", stage="queue", outcome=outcome) == 1.0
    assert value(metrics, "figment_images_total", model="tiny") is None
    if kind:
        assert value(metrics, "figment_problems_total", kind=kind) == 1.0


def test_a_clients_error_is_no_refusal() -> None:
    metrics, account = Metrics(), Account()
    account.fail("invalid-parameter", 422)
    metrics.record("/generate", "GET", 422, 0.001, account)
    assert value(metrics, "figment_problems_total", kind="invalid-parameter") == 1.0
    found = [s for family in metrics.registry.collect() for s in family.samples if s.name == "figment_refused_total"]
    assert sum(sample.value for sample in found) == 0.0


def test_methods_that_a_client_invents_are_one_label() -> None:
    metrics = Metrics()
    for i in range(50):
        metrics.record("unmatched", f"M{i}", 405, 0.001, Account())
    metrics.record("unmatched", "GET", 404, 0.001, Account())
    labels = {"route": "unmatched", "method": "other", "status": "405"}
    assert value(metrics, "figment_requests_total", **labels) == 50.0
    methods = {sample.labels["method"] for family in metrics.registry.collect() for sample in family.samples
               if sample.name == "figment_requests_total"}  # fmt: skip
    assert methods <= METHODS | {"other"}


def test_the_build_and_the_process_are_told() -> None:
    families = {family.name: family for family in Metrics().registry.collect()}
    (build,) = families["figment_build_info"].samples
    assert build.value == 1.0
    assert build.labels["python"].startswith("3.")
    assert build.labels["numpy"]
    assert families["process_resident_memory_bytes"].samples[0].value > 2**20


@pytest.mark.parametrize("reason", REASONS)
def test_connections_that_are_refused_are_counted_with_the_requests(reason: str) -> None:
    metrics = Metrics()
    assert metrics.registry.get_sample_value("figment_refused_total", {"reason": reason}) == 0
    metrics.refuse(reason)
    assert metrics.registry.get_sample_value("figment_refused_total", {"reason": reason}) == 1
