"""The README's examples are run as they stand, against a service in memory."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from figment_client import cli
from figment_client.completion import subcommands
from figment_client.parser import build_parser

from tests.client.fake_service import FakeService

CLIENT = Path(__file__).parents[2] / "client"
README = CLIENT / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _service_in_memory(service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer_async(_: object, request: httpx.Request) -> httpx.Response:
        return service(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: service(request))
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer_async)
    monkeypatch.delenv("FIGMENT_URL", raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_block_is_of_a_language_that_is_run() -> None:
    languages = re.findall(r"^```(\w+)$", README.read_text("utf-8"), re.MULTILINE)
    assert sorted(languages) == ["bash", *["python"] * 5, "sh"]


def test_the_python_examples_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), {})
    written = {"grid.png", "walk.webp", "one.png", "like-it.jpg", "mixed.png"}
    written |= {"0.png", "50.png", "100.png", "150.png", "again.png", "near.png", "from-near.gif", "7.png", "8.png"}
    assert {file.name for file in tmp_path.iterdir()} == written
    out = capsys.readouterr().out
    assert "(3, 2, 3, 3) float32\n" in out
    assert "3 0.09" in out
    assert "\nTrue\n['n']\n" in out


def test_the_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    assert {line[1] for line in lines} == set(subcommands(build_parser())) - {"completion"}
    assert [cli.main(line[1:]) for line in lines] == [0] * len(lines)
    written = {"grid.png", "seven.webp", "faces", "walk.webp", "lattice.png", "like-ada.png", "mixed.png", "near.png"}
    assert {file.name for file in tmp_path.iterdir()} == written
    assert len(list((tmp_path / "faces").iterdir())) == 101
    assert "http://127.0.0.1:8000/#open=picture&picture=ada\n" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_shell_block_runs(tmp_path: Path) -> None:
    (block,) = blocks("bash")
    python = f"PYTHONPATH={shlex.quote(str(CLIENT))} {shlex.quote(sys.executable)}"
    figment = f'figment() {{ {python} -m figment_client "$@"; }}'
    done = subprocess.run(["bash", "-euc", f"{figment}\n{block}complete -p figment"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("complete -F _figment figment\n", "")
