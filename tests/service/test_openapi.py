"""The interface against its own description: by a validator, and by schemathesis, which tries what it allows."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from bundle.store import Store
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

NOT_CHECKED = ("positive_data_acceptance", "unsupported_method", "allow_header_conformance")
"""The first wants all accepted that each schema allows, and some of our parameters exclude each other; the others take
`/v1/models/NAME:predict` for a path of its own, where HTTP and we see a model of that name, too."""

ANSWERS = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503, 504]
"""
"""A client may say that it waits a millionth of a second, and is told that this was too short."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("described") / "models")
    publish_fake(store, "tiny")
    publish_fake(store, "pets", classes={"cat": 0.5, "big dog": 0.5})
    with listening(store) as address:
        yield address


def test_the_description_is_openapi(address: str) -> None:
    document: dict[str, Any] = httpx.get(f"http://{address}/openapi.json", trust_env=False).json()
    validate(document)
    assert json.dumps(document["paths"]).count("operationId") > 30


@pytest.mark.parametrize("seed", [1, 2])
def test_schemathesis_finds_nothing(address: str, seed: int, tmp_path: Path) -> None:
    """A thousand requests and more: no 500, no undocumented status, header or shape, nothing wrong is accepted."""
    (tmp_path / "schemathesis.toml").write_text(ANSWERS)
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"http://{address}/openapi.json",
               "--max-examples", "8", "--seed", str(seed), "--exclude-checks", ",".join(NOT_CHECKED),
               "--continue-on-failure", "--no-shrink", "--generation-database", "none"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    tried = re.search(r"([\d,]+) generated", done.stdout)
    assert tried is not None, done.stdout[-2000:]
    assert int(tried[1].replace(",", "")) > 1000


REDOCLY = "@redocly/cli@2.77.0"
NODE = (20, 19)
"""The oldest Node.js that it runs on."""


def test_a_linter_finds_no_error(address: str, tmp_path: Path) -> None:
    npx, node = shutil.which("npx"), shutil.which("node")
    if not npx or not node:
        pytest.skip("no Node.js here, which the linter needs")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip("v\n")
    if tuple(map(int, version.split(".")[:2])) < NODE:
        pytest.skip(f"the linter needs Node.js {'.'.join(map(str, NODE))}, here is {version}")
    document = httpx.get(f"http://{address}/openapi.json", trust_env=False).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document, indent=1))
    environment = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    fetched = subprocess.run([npx, "--yes", REDOCLY, "--version"], env=environment, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"the linter cannot be fetched here: {fetched.stderr.strip()[-200:]}")
    command = [npx, "--yes", REDOCLY, "lint", "openapi.json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is valid" in done.stdout + done.stderr
