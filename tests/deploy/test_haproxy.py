"""deploy/haproxy/haproxy.cfg in Debian's HAProxy, before replicas that refuse, die or stop as they are told."""

import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from bench.server import free_port
from service.settings import Settings
from tests.deploy.balancer import CONFIGURATION, PATIENCE, Balancer, installed

pytestmark = pytest.mark.skipif(not installed(), reason="haproxy is not installed (Debian: haproxy)")


class Quiet(ThreadingHTTPServer):
    """Says nothing of a peer that hangs up, as a balancer that is killed does."""

    def handle_error(self, *_: object) -> None:
        """Nothing."""


class Replica:
    """Answers with its name; `mode` is ok, full (503), gone (hangs up unanswered) or stopping (/readyz is 503)."""

    def __init__(self, name: str) -> None:
        self.name, self.mode = name, "ok"
        self.asked: Counter[str] = Counter()
        self.seen = Message()
        self.server = Quiet(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        replica = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                replica.answer(self)

            do_HEAD = do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if handler.path == "/readyz":
            self._send(handler, 503 if self.mode == "stopping" else 200)
            return
        self.asked[f"{handler.command} {handler.path}"] += 1
        self.seen = handler.headers
        if self.mode == "gone":
            handler.close_connection = True
        else:
            self._send(handler, 503 if self.mode == "full" else 200)

    def _send(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        body = self.name.encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Retry-After", "7")
        handler.send_header("Server-Name", self.name)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def client_of(balancer: Balancer) -> httpx.Client:
    return httpx.Client(base_url=balancer.url, trust_env=False, timeout=PATIENCE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Balancer, list[Replica]]]:
    """HAProxy before two replicas."""
    replicas = [Replica("one"), Replica("two")]
    balancer = Balancer(tmp_path_factory.mktemp("haproxy"), [replica.port for replica in replicas])
    with balancer:
        yield balancer, replicas
    for replica in replicas:
        replica.close()


@pytest.fixture
def balancer(running: tuple[Balancer, list[Replica]]) -> Balancer:
    return running[0]


@pytest.fixture
def replicas(running: tuple[Balancer, list[Replica]]) -> list[Replica]:
    """Both as new, and both in use."""
    balancer, replicas = running
    for replica in replicas:
        replica.mode = "ok"
    with client_of(balancer) as client:
        both(client)
    for replica in replicas:
        replica.asked.clear()
    return replicas


@pytest.fixture
def client(balancer: Balancer, replicas: list[Replica]) -> Iterator[httpx.Client]:
    with client_of(balancer) as client:
        yield client


def until(client: httpx.Client, path: str, status: int) -> httpx.Response:
    """The first answer with that status."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if (answer := client.get(path)).status_code == status:
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError((path, status))


def both(client: httpx.Client) -> None:
    """Until both replicas have answered, since the balancer finds them one after the other."""
    end, seen = time.monotonic() + PATIENCE, set[str]()
    while not seen >= {"one", "two"}:
        assert time.monotonic() < end, seen
        with suppress(httpx.TransportError):  # it has just been started
            seen.add(client.get("/ping").text)


def test_haproxy_takes_the_configuration_as_it_is() -> None:
    done = subprocess.run(["haproxy", "-c", "-f", CONFIGURATION], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr + done.stdout


def test_requests_are_spread(client: httpx.Client, replicas: list[Replica]) -> None:
    for seed in range(20):
        assert client.get(f"/images/{seed}.png").status_code == 200
    assert all(sum(replica.asked.values()) >= 5 for replica in replicas)


@pytest.mark.parametrize("mode", ["full", "gone"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/generate?n=4"), ("GET", "/images/7.png"), ("GET", "/models"), ("HEAD", "/generate"),
        ("POST", "/generate"), ("POST", "/interpolate"), ("POST", "/variations"), ("POST", "/mix"),
        ("POST", "/inspect"),
        ("POST", "/v2/models/tiny/infer"), ("POST", "/v1/images/generations"), ("POST", "/v1/models/tiny:predict"),
    ],
)  # fmt: skip
def test_what_one_replica_does_not_answer_another_does(
    client: httpx.Client, replicas: list[Replica], mode: str, method: str, path: str
) -> None:
    replicas[0].mode = mode
    for _ in range(4):  # one of two is the first to be asked
        answer = client.request(method, path, content=b"{}" if method == "POST" else None)
        assert (answer.status_code, answer.headers["Server-Name"]) == (200, "two")
    assert sum(replicas[0].asked.values()) > 0


def test_a_search_that_has_begun_is_not_begun_again(client: httpx.Client, replicas: list[Replica]) -> None:
    for replica in replicas:
        replica.mode = "gone"
    answer = client.post("/project", content=b"picture")
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert sum(replica.asked["POST /project"] for replica in replicas) == 1


def test_when_all_are_full_the_client_is_told_when_to_come_again(client: httpx.Client, replicas: list[Replica]) -> None:
    for replica in replicas:
        replica.mode = "full"
    answer = client.get("/generate")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert all(replica.asked["GET /generate"] > 0 for replica in replicas)


def test_one_that_is_not_ready_is_asked_nothing(client: httpx.Client, replicas: list[Replica]) -> None:
    replicas[0].mode = "stopping"
    end = time.monotonic() + PATIENCE
    while True:
        before = sum(replicas[0].asked.values())
        assert {client.get("/generate").text for _ in range(8)} <= {"one", "two"}
        if sum(replicas[0].asked.values()) == before:
            break
        assert time.monotonic() < end
    replicas[0].mode = "ok"
    both(client)


def test_without_a_replica_the_error_is_a_problem(tmp_path: Path) -> None:
    with Balancer(tmp_path, [free_port(), free_port()]) as balancer, client_of(balancer) as client:
        answer = until(client, "/generate", 503)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"
    assert (answer.json()["type"], answer.json()["status"]) == ("/problems/not-ready", 503)


@pytest.mark.parametrize("path", ["/metrics", "/%6Detrics", "/metrics?x=1"])
def test_metrics_are_not_for_everybody(client: httpx.Client, replicas: list[Replica], path: str) -> None:
    assert client.get(path).status_code == 403
    assert not any(key.startswith("GET /m") for replica in replicas for key in replica.asked)


def test_who_asks_is_told_and_cannot_be_made_up(client: httpx.Client, replicas: list[Replica]) -> None:
    for _ in range(4):
        client.get("/generate", headers={"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https"})
    for replica in replicas:
        assert (replica.seen["X-Forwarded-For"], replica.seen["X-Forwarded-Proto"]) == ("127.0.0.1", "http")


def test_each_request_is_a_line_of_json(client: httpx.Client, balancer: Balancer) -> None:
    client.get('/images/"odd\\.png?hidden=1')
    end = time.monotonic() + PATIENCE
    while "odd" not in (text := balancer.log.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    (ours,) = [line for line in lines if "odd" in line["path"]]
    assert (ours["method"], ours["status"], ours["retries"]) == ("GET", 200, "0")
    assert "hidden" not in text


def test_the_check_is_quicker_than_the_grace_time() -> None:
    (interval,) = re.findall(r"inter (\d+)ms fall 1", CONFIGURATION.read_text())
    assert int(interval) / 1000 < Settings().grace
