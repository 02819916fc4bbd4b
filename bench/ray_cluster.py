"""A Ray cluster of two nodes on this machine, on loopback alone, with deploy/ray/serve.yaml on it."""

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.server import free_port

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".venv-ray"
"""`make test-ray` makes it."""
CONFIG = ROOT / "deploy" / "ray" / "serve.yaml"

STORE_BYTES = 120 * 2**20
"""Of each node's object store."""
START = 900.0
"""Seconds until the service answers on a machine that has much to do."""
NODE_TRIES = 5
HEAD = "head"
"""A resource that the first node alone has."""
END = 20.0
"""Seconds that a process may take to end."""

WATCH = """
import sys, time, ray
from ray import serve
address, count, until = sys.argv[1], int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
ray.init(address=address, namespace="serve", log_to_driver=False)
def ready():
    deployments = serve.status().applications["figment"].deployments
    return deployments["Generator"].replica_states.get("RUNNING", 0) >= count
while not ready():
    if time.monotonic() > until: sys.exit(f"there are no {count} generators")
    time.sleep(0.2)
"""
"""Waits for replicas."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "1",
    "RAY_enable_metrics_collection": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_prestart_worker_first_driver": "0",
}


def installed() -> bool:
    """Whether there is an environment with Ray."""
    return (ENVIRONMENT / "bin" / "ray").exists()


class Cluster(NamedTuple):
    """Where Ray's head listens, the environment of what joins it, and the numbers of its nodes' first processes.

    `join` starts one more node.
    """

    address: str
    environment: dict[str, str]
    processes: list[int]
    join: Callable[[], None]

    def members(self, title: str) -> list[int]:
        """The cluster's processes whose title, as Ray gives it, contains a text."""
        return sorted(number for number in family(self.processes) if title in command(number))


def host(node: int) -> str:
    """The address of a node, all on loopback; not 127.0.0.1, which Ray takes for another address of the machine."""
    return f"127.0.0.{2 + node}"


@contextmanager
def cluster(nodes: int = 2, cpus: int = 2, environment: dict[str, str] | None = None) -> Iterator[Cluster]:
    """Nodes of `cpus` each on loopback; all their processes end with the block."""
    port, token = free_port(), secrets.token_hex(32)
    given = os.environ | QUIET | {"RAY_AUTH_TOKEN": token, "PYTHONPATH": str(ROOT)} | (environment or {})
    given["PATH"] = f"{ENVIRONMENT / 'bin'}{os.pathsep}{given.get('PATH', os.defpath)}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
        address = f"{host(0)}:{port}"
        processes: list[int] = []

        def join() -> None:
            number = len(processes)
            place = ["--address", address]
            if not number:
                place = ["--head", "--port", str(port), "--include-dashboard", "false", "--temp-dir", folder]
                place += ["--ray-client-server-port", str(free_port()), "--resources", json.dumps({HEAD: 1})]
            options = ["--node-ip-address", host(number), "--num-cpus", str(cpus), "--num-gpus", "0", "--block"]
            options += ["--object-store-memory", str(STORE_BYTES), "--disable-usage-stats"]
            order, log = ["ray", "start", *place, *options], Path(folder) / f"node-{number}"
            processes.append(_start_node(stack, order, given, log))

        for _ in range(nodes):
            join()
        yield Cluster(address, given, processes, join)


@contextmanager
def serving(
    running: Cluster,
    replicas: int = 2,
    ingresses: int = 1,
    autoscaling: dict[str, float] | None = None,
    metrics_port: int = 0,
) -> Iterator[int]:
    """deploy/ray/serve.yaml on a cluster, once /readyz says so; yields its port.

    There are so many replicas, or, with an `autoscaling_config`, at first. Ingresses are on the first node.
    """
    config, port = yaml.safe_load(CONFIG.read_text()), free_port()
    config["http_options"]["port"], config["proxy_location"] = port, "HeadOnly"
    config["applications"][0]["args"]["metrics_port"] = metrics_port
    for deployment in config["applications"][0]["deployments"]:
        count = replicas if deployment["name"] == "Generator" else ingresses
        deployment["autoscaling_config"] |= {"min_replicas": count, "max_replicas": count}
        if deployment["name"] == "Generator":
            deployment["autoscaling_config"] |= autoscaling or {}
        else:
            deployment["ray_actor_options"]["resources"] = {HEAD: 0.01}
        deployment["graceful_shutdown_timeout_s"] = 5
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="serve-")))
        (folder / "serve.yaml").write_text(yaml.safe_dump(config))
        order = ["serve", "run", "--address", running.address, str(folder / "serve.yaml")]
        number = _start(stack, order, running.environment, folder / "log")
        try:
            _wait_until_ready(port, number)
            _wait_for_replicas(running, replicas)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f"{error}; its log ends:\n{(folder / 'log').read_text()[-4000:]}") from None
        yield port


def _start(stack: ExitStack, order: list[str], environment: dict[str, str], log: Path) -> int:
    with log.open("w") as output:
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / order[0], *order[1:]],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack.callback(_end, process)
    return process.pid


def _end(process: "subprocess.Popen[Any]") -> None:
    """End a process with all that it started: SIGTERM to it, and after a while SIGKILL to what is left."""
    known = family([process.pid])
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END)
    known |= family([process.pid])
    for number in known - {process.pid}:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    process.kill()
    process.wait()


def family(first: list[int]) -> set[int]:
    """Processes and all that they started, in sessions of their own too."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    numbers = set(first) & parents.keys()
    while more := {number for number, parent in parents.items() if parent in numbers} - numbers:
        numbers |= more
    return numbers


def command(process: int) -> str:
    """The title of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _start_node(stack: ExitStack, order: list[str], environment: dict[str, str], log: Path) -> int:
    """Start a node; again, where it ends: Ray gives a node 30 s, and a machine may have much to do."""
    for _ in range(NODE_TRIES):
        number = _start(stack, order, environment, log)
        while family([number]):
            if "Ray runtime started" in log.read_text():
                return number
            time.sleep(0.1)
    raise RuntimeError(f"a node ended {NODE_TRIES} times; its log ends:\n{log.read_text()[-2000:]}")


def _wait_until_ready(port: int, process: int) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if not family([process]):
            raise RuntimeError("serve ended")
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60.0).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"not ready after {START:g} s")


def _wait_for_replicas(running: Cluster, count: int) -> None:
    """Until so many generators are loaded, as Serve's controller says; it is asked in Ray's own environment."""
    order = [str(ENVIRONMENT / "bin" / "python"), "-c", WATCH, running.address, str(count), str(START)]
    subprocess.run(order, cwd=ROOT, env=running.environment, check=True, stdout=subprocess.DEVNULL)
