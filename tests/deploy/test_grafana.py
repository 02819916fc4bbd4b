"""The dashboard: whole, on one screen, and of metrics that there are."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import DEPLOY

FOLDER = DEPLOY / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboards" / "figment.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
WIDTH = 24
"""Columns of Grafana's grid."""
SCREEN = 27
"""Rows of it, of 38 pixels, that a screen of 1080 lines shows."""


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_asks_for_what_a_service_tells_and_says_what_it_shows(
    panel: dict[str, Any], unknown: Callable[[str], set[str]]
) -> None:
    for target in panel["targets"]:
        assert not unknown(target["expr"]), target["expr"]
        assert target["datasource"]["uid"] == datasource()["uid"]
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["description"].endswith(".")


def test_all_panels_fit_on_one_screen_beside_each_other() -> None:
    covered = [cell for panel in PANELS for cell in cells(panel)]
    assert len(covered) == len(set(covered))
    assert max(x for x, _ in covered) < WIDTH
    assert max(y for _, y in covered) < SCREEN
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_the_first_row_says_by_colour_whether_all_is_well() -> None:
    first = [panel for panel in PANELS if panel["gridPos"]["y"] == 0]
    assert {panel["type"] for panel in first} == {"stat"}
    warning = [panel for panel in first if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1]
    assert len(warning) >= 5


def test_what_the_dashboard_is_about_is_on_it() -> None:
    text = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    for name in (
        "figment_images_total", "figment_stage_seconds_bucket", "figment_waiting_images", "figment_batch_rows_total",
        "figment_refused_total", "figment_served_version", "figment_image_diversity_sum", "figment_device_memory_bytes",
        "process_resident_memory_bytes",
    ):  # fmt: skip
        assert name in text, name


def test_variables_choose_replicas_and_models(unknown: Callable[[str], set[str]]) -> None:
    variables = {each["name"]: each["definition"] for each in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"instance", "model"}
    assert not any(map(unknown, variables.values()))
    assert not any(unknown(each["expr"]) for each in DASHBOARD["annotations"]["list"])


def datasource() -> dict[str, Any]:
    provisioned = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "prometheus.yml").read_text())
    (found,) = provisioned["datasources"]
    return dict(found)


def test_the_dashboard_is_provisioned_with_its_data_source() -> None:
    provisioned = yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "figment.yml").read_text())
    (provider,) = provisioned["providers"]
    assert provider["type"] == "file"
    assert datasource()["type"] == "prometheus"
