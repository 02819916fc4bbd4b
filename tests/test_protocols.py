"""Every block of docs/protocols.md is executed: other people's clients, against the service on a fake engine."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.store import Store
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("protocols") / "models")
    publish_fake(store, "adventurer", shape=(64, 64, 3), latent_dim=128)
    with listening(store) as address:
        yield address


def test_there_is_a_block_for_each_client() -> None:
    text = "".join(block for _, block in BLOCKS)
    for client in ("tritonclient.http", "from kserve import", "from openai import", ":predict", "/v2/models/"):
        assert client in text


@pytest.mark.parametrize(("language", "block"), BLOCKS, ids=range(len(BLOCKS)))
def test_the_block_runs(
    address: str, language: str, block: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    block = block.replace("127.0.0.1:8000", address)
    if "from kserve import" in block:
        python = request.getfixturevalue("kserve_python")
        done = subprocess.run([python, "-c", block], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "(2, 64, 64, 3)" in done.stdout
        return
    if language == "python":
        exec(compile(block, "docs/protocols.md", "exec"), {"__name__": "docs"})
        assert capsys.readouterr().out
        return
    environment = os.environ | {"no_proxy": "127.0.0.1"}
    done = subprocess.run(["bash", "-ec", block], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"error"' not in done.stdout
    assert re.search(r'"(outputs|predictions)"', done.stdout)
