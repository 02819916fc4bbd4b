"""The nginx configurations of the how-to pages: nginx takes them, and they do what the pages say."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from bench.server import free_port
from bundle.store import Bundle, Store
from service.app import create_app
from service.settings import Settings
from tests.docs.markdown import DOCS, blocks
from tests.service.conftest import publish_fake
from tests.service.fake_engine import FakeEngine

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (Debian: nginx-light)")


class Replica:
    """A service with a fake engine on a port of its own."""

    def __init__(self, store: Store) -> None:
        self.engines: list[FakeEngine] = []
        self.port = free_port()
        app = create_app(Settings(models=store.root), store, self._load)
        config = uvicorn.Config(app, port=self.port, log_level="warning", ws="none")
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run)

    def _load(self, bundle: Bundle) -> FakeEngine:
        self.engines.append(FakeEngine())
        return self.engines[-1]

    @property
    def batches(self) -> int:
        """How many it has run."""
        return sum(len(engine.batches) for engine in self.engines)

    def start(self) -> None:
        """Return when it is ready."""
        self._thread.start()
        _until_ready(f"http://127.0.0.1:{self.port}/readyz")

    def stop(self) -> None:
        """End it, as SIGTERM would."""
        self.server.should_exit = True  # a second time, too
        self._thread.join(20)
        assert not self._thread.is_alive()


def _until_ready(url: str) -> None:
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(url)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    """Two of them; the last test stops the second."""
    store = Store(tmp_path_factory.mktemp("replicas") / "models")
    publish_fake(store, "tiny")
    replicas = [Replica(store), Replica(store)]
    for replica in replicas:
        replica.start()
    yield replicas
    for replica in replicas:
        replica.stop()


class Nginx:
    """nginx with the configuration of a page; ports and folders are the test's."""

    def __init__(self, page: str, folder: Path, ports: dict[int, int]) -> None:
        (configuration,) = [block for language, block in blocks(DOCS / f"{page}.md") if language == "nginx"]
        for written, ours in ports.items():
            assert f":{written}" in configuration
            configuration = configuration.replace(f":{written}", f":{ours}")
        self.port = free_port()
        configuration = configuration.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
        configuration = configuration.replace("/var/cache/nginx", str(folder / "cache"))
        (folder / "cache").mkdir(parents=True)
        temporary = "\n".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.file = folder / "nginx.conf"
        self.file.write_text(
            f"{'user root; ' if os.getuid() == 0 else ''}daemon off; worker_processes 1;\n"
            f"pid {folder}/pid; error_log {folder}/error.log;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}\n{configuration}\n}}\n"
        )
        self.command = ["nginx", "-c", str(self.file), "-p", str(folder), "-e", str(folder / "error.log")]

    def check(self) -> str:
        """What `nginx -t` says."""
        done = subprocess.run([*self.command, "-t"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def __enter__(self) -> httpx.Client:
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        _until_ready(f"http://127.0.0.1:{self.port}/livez")
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=30)
        return self.client

    def __exit__(self, *error: object) -> None:
        self.client.close()
        self.process.terminate()
        assert self.process.wait(20) == 0


@pytest.mark.parametrize("page", ["howto/cdn", "howto/scale-out"])
def test_nginx_takes_the_configuration(page: str, tmp_path: Path) -> None:
    written = {"howto/cdn": {8000: 1}, "howto/scale-out": {8001: 1, 8002: 2}}[page]
    said = Nginx(page, tmp_path / "nginx", written).check()
    assert "test is successful" in said
    assert "warn" not in said


@pytest.fixture
def cached(replicas: list[Replica], tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the CDN page's nginx, before the first replica."""
    with Nginx("howto/cdn", tmp_path / "nginx", {8000: replicas[0].port}) as client:
        yield client


@pytest.mark.parametrize("seed", ["7", "ada", "4294967295"])
def test_a_versioned_picture_is_drawn_once(cached: httpx.Client, replicas: list[Replica], seed: str) -> None:
    before = replicas[0].batches
    url = f"/images/{seed}.png?model=tiny&version=1"
    first, second = cached.get(url), cached.get(url)
    assert [first.headers["X-Cache"], second.headers["X-Cache"]] == ["MISS", "HIT"]
    assert first.content == second.content
    assert second.headers["Figment-Seeds"] == first.headers["Figment-Seeds"]
    again = cached.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert replicas[0].batches == before + 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_a_version_the_service_is_asked_and_draws_nothing(
    cached: httpx.Client, replicas: list[Replica], seed: int
) -> None:
    before = replicas[0].batches
    first = cached.get(f"/images/{seed}.png")
    again = cached.get(f"/images/{seed}.png", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert "X-Cache" not in first.headers
    assert replicas[0].batches == before + 1


def test_random_pictures_are_not_kept(cached: httpx.Client) -> None:
    answers = [cached.get("/generate?n=2&model=tiny&version=1") for _ in range(3)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS"] * 3
    assert len({answer.content for answer in answers}) == 3


def test_metrics_are_not_for_everybody(cached: httpx.Client) -> None:
    assert cached.get("/metrics").status_code == 403


def test_when_a_replica_stops_every_picture_is_still_there(replicas: list[Replica], tmp_path: Path) -> None:
    ports = {8001: replicas[0].port, 8002: replicas[1].port}
    begun = [replica.batches for replica in replicas]
    with Nginx("howto/scale-out", tmp_path / "nginx", ports) as client:
        before = {seed: client.get(f"/images/{seed}.png") for seed in range(100, 140)}
        assert all(answer.status_code == 200 for answer in before.values())
        drawn = [replica.batches - start for replica, start in zip(replicas, begun, strict=True)]
        assert sum(drawn) == 40
        assert min(drawn) > 0  # both have work
        replicas[1].stop()
        after = {seed: client.get(f"/images/{seed}.png") for seed in before}
    assert {seed: a.content for seed, a in after.items()} == {seed: b.content for seed, b in before.items()}
