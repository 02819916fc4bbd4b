"""The process as a whole: started, asked, and ended by signals."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bundle.store import Store
from service.catalogue import Catalogue
from service.server import build_server, listen
from service.settings import Settings
from tests.service.live_server import logging_as_it_was

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
"""Seconds for a process to start or to end on a busy machine."""

FAKE = """
import sys
import service.app
from service.cli import main
from tests.service.fake_engine import FakeEngine

class Held(FakeEngine):
    def run(self, latents):
        print("a batch begins", file=sys.stderr, flush=True)
        held = sys.stdin.readline() if HOLD else ""
        return super().run(latents)

HOLD = "--hold" in sys.argv
sys.argv = sys.argv[:1]
service.app.tensorflow_loader = lambda settings, startup: lambda bundle: Held()
sys.exit(main())
"""


class Process:
    """A running service; what it writes is kept, line by line."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen, self.lines = popen, list[str]()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def said(self, pattern: str) -> re.Match[str]:
        """The first line that matches, when it has come."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next(filter(None, (re.search(pattern, line) for line in self.lines)), None), PATIENCE
            )
        assert found, f"never said {pattern}: {''.join(self.lines)}"
        return found

    @property
    def url(self) -> str:
        return self.said(r"listening on (http://127\.0\.0\.1:\d+)")[1]

    def end(self) -> int:
        status = self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status


Start = Callable[..., AbstractContextManager[Process]]


@pytest.fixture
def start(tiny_store: Store) -> Start:
    @contextmanager
    def started(*command: str, store: Store = tiny_store, **settings: str) -> Iterator[Process]:
        variables = {"FIGMENT_MODELS": str(store.root), "FIGMENT_PORT": "0"} | {
            f"FIGMENT_{name.upper()}": value for name, value in settings.items()
        }
        popen = subprocess.Popen(
            [sys.executable, *(command or ("-c", FAKE))],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""} | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with popen:
            process = Process(popen)
            try:
                yield process
            finally:
                popen.kill()
                popen.wait()

    return started


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_after_the_first_signal_it_is_not_ready_serves_on_and_ends_with_0(
    start: Start, http: httpx.Client, sig: signal.Signals
) -> None:
    with start(grace="1") as process:
        process.said("tiny/1 ready")
        assert http.get(f"{process.url}/readyz").status_code == 200
        process.popen.send_signal(sig)
        process.said(f"{sig.name}: not ready any more")
        assert http.get(f"{process.url}/readyz").status_code == 503
        assert http.get(f"{process.url}/livez").status_code == 200
        answer = http.get(f"{process.url}/images/7.png")
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert process.end() == 0
        assert not any("Traceback" in line for line in process.lines)


def test_a_request_under_way_is_answered_before_the_end(start: Start, http: httpx.Client) -> None:
    with start("-c", FAKE, "--hold", grace="0") as process:
        process.said("tiny/1 ready")
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(http.get(f"{process.url}/images/7.png").status_code))
        asking.start()
        process.said("a batch begins")
        process.popen.send_signal(signal.SIGTERM)
        process.said("Waiting for")
        assert process.popen.stdin is not None
        process.popen.stdin.write("go on\n")
        process.popen.stdin.flush()
        asking.join(PATIENCE)
        assert answers == [200]
        assert process.end() == 0


def test_as_json_each_line_of_the_log_is_an_object_and_each_request_is_one(start: Start, http: httpx.Client) -> None:
    with start(log_format="json", grace="0") as process:
        process.said("tiny/1 ready")
        http.get(f"{process.url}/generate?n=2&seed=hidden%0A%00", headers={"X-Request-Id": "mine-7"})
        http.get(f"{process.url}/hidden%0Apath", headers={"X-Request-Id": 'not"mine'})
        process.said("unmatched 404")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 0
    lines = [json.loads(line) for line in process.lines if line.startswith("{")]
    assert len(lines) >= len(process.lines) - 1  # what the fake engine prints
    drawn, missed = (line for line in lines if line["logger"] == "figment.access")
    assert (drawn["request_id"], drawn["route"], drawn["images"], drawn["model"]) == (
        "mine-7",
        "/generate",
        2,
        "tiny/1",
    )
    assert drawn["stages"].keys() == {"queue", "inference", "encode", "write"}
    assert re.fullmatch("[0-9a-f]{32}", missed["request_id"])
    assert "hidden" not in "".join(process.lines)
    assert not any(line["logger"] in ("uvicorn.access", "asgi_correlation_id") for line in lines)


def test_the_second_signal_ends_it_at_once(start: Start) -> None:
    with start(grace="600") as process:
        process.said("tiny/1 ready")
        process.popen.send_signal(signal.SIGTERM)
        process.said("not ready any more")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 128 + signal.SIGTERM


def test_a_taken_port_is_told_and_ends_with_1(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, start(port=str(taken.getsockname()[1])) as process:
        assert process.end() == 1
        assert re.search(r"cannot listen on FIGMENT_HOST=127\.0\.0\.1 FIGMENT_PORT=\d+: ", process.lines[-1])


def test_wrong_settings_are_told_by_their_variables_and_end_with_2(start: Start) -> None:
    with start("-m", "service", port="http", device="tpu") as process:
        assert process.end() == 2
        assert len(process.lines) == 2
        assert process.lines[0].startswith("figment: FIGMENT_PORT='http': ")
        assert process.lines[1].startswith("figment: FIGMENT_DEVICE='tpu': Input should be 'auto', 'cpu' or 'gpu'")


@pytest.mark.tensorflow
def test_a_gpu_that_is_not_there_is_told_and_ends_with_1(start: Start) -> None:
    with start("-m", "service", device="gpu") as process:
        assert process.end() == 1
        assert process.lines[-1].startswith("figment: FIGMENT_DEVICE=gpu, but TensorFlow sees no GPU: ")


@pytest.mark.tensorflow
def test_a_real_model_is_served_and_ends_with_0(start: Start, http: httpx.Client, real_store: Store) -> None:
    with start("-m", "service", store=real_store, grace="0", max_batch="4") as process:
        process.said("tiny/1 ready")
        answers = [http.get(f"{process.url}/generate?n=9&seed=7").content for _ in range(2)]
        assert answers[0] == answers[1]
        assert answers[0].startswith(b"\x89PNG")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == 0


def test_a_request_that_is_on_its_way_when_the_port_closes_is_answered(start: Start, http: httpx.Client) -> None:
    with start(grace="0") as process:
        process.said("tiny/1 ready")
        host, _, port = process.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            assert http.get(f"{process.url}/livez").status_code == 200  # so that the connection was accepted
            process.popen.send_signal(signal.SIGTERM)
            process.said("closing in 0 s")
            connection.sendall(b"GET /images/7.png HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert process.end() == 0


async def test_who_has_connected_and_was_not_accepted_yet_is_answered_too(tiny_store: Store) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    settings = Settings(models=tiny_store.root)
    with logging_as_it_was():
        server = build_server(settings, app, Catalogue(settings, tiny_store))
        server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    with listen("127.0.0.1", 0) as listener:
        waiting = [socket.create_connection(listener.getsockname(), PATIENCE) for _ in range(3)]
        await server.accept_waiting(listener)
    for connection in waiting:
        with connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = await asyncio.to_thread(connection.recv, 65536)
            assert answer.startswith(b"HTTP/1.1 204")


def test_connections_are_kept_longer_than_balancers_keep_them(tiny_store: Store) -> None:
    settings = Settings(models=tiny_store.root)
    assert build_server(settings, object(), Catalogue(settings, tiny_store)).config.timeout_keep_alive > 60


def test_port_0_takes_a_free_port() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
