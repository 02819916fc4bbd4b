"""docker-compose.yml by itself: what every service of it has, and that it passes on every setting."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVING = ("figment", "figment-gpu", "replica")
OF_THE_IMAGE = {"FIGMENT_HOST", "FIGMENT_PORT", "FIGMENT_MODELS"}
"""Settings that the image has, since the container is made for them."""


@pytest.mark.parametrize("name", SERVING)
def test_every_setting_is_passed_on(name: str) -> None:
    settings = {f"FIGMENT_{field.upper()}" for field in Settings.model_fields}
    assert settings - OF_THE_IMAGE <= SERVICES[name]["environment"].keys()


def test_every_variable_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    used |= SERVICES["figment"]["environment"].keys()
    assert {name for name in used if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"] == {"driver": "local"}  # rotated


@pytest.mark.parametrize("name", SERVICES)
def test_memory_and_processes_are_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"] == service["memswap_limit"]  # no swap
    assert isinstance(service["pids_limit"], int)  # docker-compose 1.29 takes no text


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"\$\{[A-Z]+_PUBLISH:-127\.0\.0\.1:\d+\}:\d+", port)


@pytest.mark.parametrize("name", SERVING)
def test_the_service_cannot_write_what_is_mounted(name: str) -> None:
    assert all(mount["read_only"] for mount in SERVICES[name]["volumes"])


def test_one_service_starts_unasked() -> None:
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert profiles.pop("figment") is None
    assert {profile for service in profiles.values() for profile in service} == {
        "gpu", "scale", "train", "observability",
    }  # fmt: skip


def test_a_dependency_is_in_the_profile_of_who_needs_it() -> None:
    for service in SERVICES.values():
        for other in service.get("depends_on", ()):
            assert SERVICES[other]["profiles"] == service["profiles"]


def test_other_people_s_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(images) == 3
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+\.\d+\.\d+\}", image) for image in images)


def test_images_are_targets_of_the_dockerfile() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert service["image"] == f"figment:{service['build']['target']}"
            assert f" AS {service['build']['target']}\n" in (ROOT / "Dockerfile").read_text()


def test_a_stop_takes_less_than_docker_s_patience() -> None:
    (patience,) = re.findall(r":-(\d+)s\}", SERVICES["figment"]["stop_grace_period"])
    assert Settings().grace + Settings().drain + 5 <= int(patience)


def test_what_the_builder_gets_is_what_the_dockerfile_copies() -> None:
    """Nothing else: no models, runs or keys, and no file of a folder that could hold them."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == copied
