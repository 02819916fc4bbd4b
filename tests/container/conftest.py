"""The image, the running service, and lines for the terminal."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.container.stack import IMAGE, SERVICE, Stack, base_image, compose_command, pip_settings, run, started


@pytest.fixture(scope="session")
def image() -> None:
    """The service's image, built by compose."""
    run(*compose_command(), "build", SERVICE, env=pip_settings())


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Iterator[list[str]]:
    """Lines for the terminal, past pytest's capture."""
    lines: list[str] = []
    yield lines
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        for line in lines:
            sys.stdout.write(f"\ncontainer: {line}")


@pytest.fixture(scope="module")
def stack(image: None, figures: list[str]) -> Iterator[Stack]:
    """The service with the store, ready."""
    with started("service") as stack:
        _, ready = stack.wait_for("/readyz", 200)
        container = stack.container()
        healthy = container.wait_until("healthy")
        size = int(run("docker", "image", "inspect", IMAGE, "--format", "{{.Size}}").stdout)
        base = int(run("docker", "image", "inspect", base_image(), "--format", "{{.Size}}").stdout)
        begin = container.started
        figures.append(f"image {size / 1e6:.0f} MB, of it {base / 1e6:.0f} MB base image")
        figures.append(f"start to /readyz 200: {ready - begin:.1f} s; to healthy: {healthy - begin:.1f} s")
        yield stack
