"""Prometheus's configuration and the alerts, by Prometheus's own tool and by a service's own metrics."""

import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.deploy.conftest import DEPLOY

FOLDER = DEPLOY / "prometheus"
LABELS = {"instance", "job", "le"}
"""That Prometheus puts there itself."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, input=text, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@needs_promtool
def test_prometheus_takes_the_configuration() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "config", "prometheus.yml")


@needs_promtool
def test_each_alert_fires_where_it_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


@needs_promtool
def test_prometheus_finds_nothing_wrong_with_the_metrics(exposition: str) -> None:
    assert "figment_stage_seconds_bucket" in exposition
    promtool("check", "metrics", text=exposition)


def test_each_alert_is_tested() -> None:
    tests = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_a_service_tells(
    rule: dict[str, str], unknown: Callable[[str], set[str]], exposed: dict[str, set[str]]
) -> None:
    expression = rule["expr"]
    assert not unknown(expression)
    if "figment_" not in expression:
        assert "up{" in expression
        return
    labels = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(", ")}
    labels |= set(re.findall(r"(\w+)=~?\"", expression))
    known = set.union(*(exposed[name] for name in exposed if name in expression))
    assert labels - LABELS <= known


def test_an_invented_metric_is_seen(unknown: Callable[[str], set[str]]) -> None:
    assert unknown("rate(figment_invented_total[5m])") == {"figment_invented_total"}


def test_the_service_is_read_where_it_listens() -> None:
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    assert set(found["names"]) <= set(compose["services"])
    assert found["port"] == 8000
