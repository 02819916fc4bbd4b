"""The profile `scale`: two replicas behind HAProxy, one killed under load, and both restarted under load."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.container.stack import START_SECONDS, Container, Stack, run, started
from tests.container.stand_ins import image_of

pytestmark = pytest.mark.docker

CLIENTS = 3
PAUSE = 0.05
"""Seconds between a client's requests: replicas that start need something of the machine, too."""


class Load:
    """Clients that ask for pictures, each another one, until the block ends; every answer is checked."""

    def __init__(self, url: str) -> None:
        self.answered, self.failed = 0, list[str]()
        self._url, self._over = url, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(CLIENTS)]

    def _ask(self, client: int) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as http:
            seed = client * 1_000_000
            while not self._over.wait(PAUSE):
                seed += 1
                try:
                    get = seed % 2 == 0
                    answer = http.get(f"/images/{seed}.png") if get else http.post("/generate", json={"seed": seed})
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code == 200 and answer.content.startswith(b"\x89PNG"):
                    self.answered += 1
                else:
                    self.failed.append(f"{answer.status_code} {answer.text[:200]}")

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def scaled(image: None) -> Iterator[Stack]:
    """Two replicas that are ready, behind the balancer."""
    with started("scale", "up", "-d", "--no-build", "balancer", HAPROXY_IMAGE=image_of("HAPROXY_IMAGE")) as stack:
        assert len(stack.containers("replica")) == 2
        for replica in stack.containers("replica"):
            replica.wait_until("healthy")
        both_answer(stack)
        yield stack


def lines(stack: Stack, since: float) -> list[dict[str, str]]:
    """What the balancer logged of requests for pictures since a time, in seconds since 1970."""
    logged = run("docker", "logs", "--since", f"{since:.3f}", stack.container("balancer").identity).stdout
    requests = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    return [request for request in requests if request["path"].startswith(("/images/", "/generate"))]


def both_answer(stack: Stack) -> None:
    """Until the balancer gives both replicas something to do."""
    begin, end = time.time(), time.monotonic() + START_SECONDS
    while len({line["replica"] for line in lines(stack, begin) if line["status"] == 200}) < 2:
        assert time.monotonic() < end, "the balancer does not use both replicas"
        httpx.get(stack.url("balancer") + "/images/1.png", timeout=60)
        time.sleep(0.1)


def kill(replica: Container) -> None:
    """SIGKILL to all in a container but its first process; so it ends, and Docker starts it again."""
    replica.execute("sh", "-c", "kill -9 -1")


def test_the_balancer_alone_is_published(scaled: Stack) -> None:
    assert [len(replica.inspect()["HostConfig"]["PortBindings"]) for replica in scaled.containers("replica")] == [0, 0]
    config = scaled.container("balancer").inspect()["HostConfig"]
    assert config["ReadonlyRootfs"]
    assert config["CapDrop"] == ["ALL"]
    assert not scaled.containers("figment")


def test_requests_are_spread(scaled: Stack) -> None:
    begin = time.time()
    with Load(scaled.url("balancer")) as load:
        while load.answered + len(load.failed) < 60:
            time.sleep(0.1)
    assert load.failed == []
    share = Counter(line["replica"] for line in lines(scaled, begin))
    assert len(share) == 2
    assert min(share.values()) >= 15


def test_the_same_seed_is_the_same_picture_on_both(scaled: Stack) -> None:
    begin = time.time()
    pictures = {httpx.get(scaled.url("balancer") + "/images/7.png", timeout=60).content for _ in range(8)}
    assert len(pictures) == 1
    assert len({line["replica"] for line in lines(scaled, begin)}) == 2


def test_one_is_killed_under_load(scaled: Stack, figures: list[str]) -> None:
    """What it was answering may be lost, one request a client; whatever else it had is asked of the other."""
    victim = scaled.containers("replica")[0]
    begin, before = time.time(), victim.started
    with Load(scaled.url("balancer")) as load:
        while load.answered < 20:
            time.sleep(0.05)
        kill(victim)
        at = load.answered
        while load.answered < at + 40:
            time.sleep(0.05)
        end = time.monotonic() + START_SECONDS
        while victim.started == before:
            assert time.monotonic() < end, "Docker did not start it again"
            time.sleep(0.5)
        victim.wait_until("healthy", since=victim.started)
    again = sum(line["retries"] != "0" for line in lines(scaled, begin))
    figures.append(
        f"a replica killed under load: {load.answered} answered, {again} of them after a second try, "
        f"{len(load.failed)} failed {load.failed}"
    )
    assert len(load.failed) <= CLIENTS
    both_answer(scaled)


def test_both_are_restarted_under_load_and_nobody_notices(scaled: Stack, figures: list[str]) -> None:
    with Load(scaled.url("balancer")) as load:
        for replica in scaled.containers("replica"):
            run("docker", "restart", "--time", "45", replica.identity)
            replica.wait_until("healthy", since=replica.started)
            both_answer(scaled)
    figures.append(f"rolling restart of two replicas under load: {load.answered} answered, {len(load.failed)} failed")
    assert load.failed == []
    assert load.answered > 50
