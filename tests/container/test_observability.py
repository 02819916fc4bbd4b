"""The profile `observability`: Prometheus reads the service; Grafana, where its image can be had, shows it."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.container.stack import START_SECONDS, Stack, started
from tests.container.stand_ins import image_of, own_image

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def watched(image: None) -> Iterator[Stack]:
    """The service and Prometheus."""
    grafana = ["grafana"] if own_image("GRAFANA_IMAGE") else []
    up = ("--profile", "observability", "up", "-d", "--no-build", "figment", "prometheus", *grafana)
    with started("watched", *up, PROMETHEUS_IMAGE=image_of("PROMETHEUS_IMAGE")) as stack:
        stack.wait_for("/readyz", 200)
        stack.wait_for("/-/ready", 200, "prometheus", 9090)
        yield stack


def ask(stack: Stack, path: str) -> dict[str, object]:
    answer = httpx.get(stack.url("prometheus", 9090) + path, timeout=10)
    assert answer.status_code == 200, answer.text
    data: dict[str, object] = answer.json()["data"]
    return data


def test_prometheus_reads_the_service(watched: Stack) -> None:
    query, end = "/api/v1/query?query=figment_served_version", time.monotonic() + START_SECONDS
    while not (found := ask(watched, query)["result"]):
        assert time.monotonic() < end, ask(watched, "/api/v1/targets")
        time.sleep(0.5)
    assert isinstance(found, list)
    assert {result["metric"]["model"] for result in found} == {"adventurer"}


def test_prometheus_has_the_alerts(watched: Stack) -> None:
    groups = ask(watched, "/api/v1/rules")["groups"]
    assert isinstance(groups, list)
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}


def test_it_runs_without_privileges_and_on_this_machine_only(watched: Stack) -> None:
    state = watched.container("prometheus").inspect()
    assert state["HostConfig"]["ReadonlyRootfs"]
    assert state["HostConfig"]["CapDrop"] == ["ALL"]
    ports = [port for ports in state["NetworkSettings"]["Ports"].values() for port in ports or ()]
    assert {port["HostIp"] for port in ports} == {"127.0.0.1"}


def test_grafana_has_the_dashboard(watched: Stack) -> None:
    if not own_image("GRAFANA_IMAGE"):
        pytest.skip("Grafana's image cannot be had here, and Debian has no package of it")
    watched.wait_for("/api/health", 200, "grafana", 3000)
    found = httpx.get(watched.url("grafana", 3000) + "/api/search?type=dash-db", timeout=10).json()
    assert [dashboard["uid"] for dashboard in found] == ["figment"]
