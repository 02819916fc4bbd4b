"""docker-compose.yml, built and run as it is; only the published ports and the folders differ.

FIGMENT_MODELS_DIR names another store than models/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "figment:cpu"
SERVICE = "figment"
START_SECONDS = 240
"""A container is given up after this long; on a busy machine TensorFlow alone may take half a minute to import."""
MAX_ARGUMENT = 100_000
"""Characters of certificates that are passed on: Linux allows 128 KiB in one environment variable."""


def run(
    *command: str, env: dict[str, str] | None = None, check: bool = True, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command at the repository's root; the test fails with what it printed if it fails."""
    done = subprocess.run(command, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, input=stdin)
    if check and done.returncode:
        output = (done.stdout + done.stderr)[-6000:]
        pytest.fail(f"{' '.join(command)}: exit status {done.returncode}\n{output}", pytrace=False)
    return done


@cache
def compose_command() -> tuple[str, ...]:
    """`docker compose` or `docker-compose`; skips, with the reason, where no container can be run."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker")
    answer = run("docker", "info", "--format", "{{.ServerVersion}}", check=False)
    if answer.returncode:
        pytest.skip(f"docker does not answer: {answer.stderr.strip().splitlines()[-1]}")
    if run("docker", "compose", "version", check=False).returncode == 0:
        return "docker", "compose"
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    pytest.skip("there is neither `docker compose` nor docker-compose")


def pip_settings() -> dict[str, str]:
    """What pip is told on this machine, as the build arguments of the same meaning; variables already set win."""
    lines = run(sys.executable, "-m", "pip", "config", "list").stdout.splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    arguments = {}
    for option in ("index-url", "extra-index-url", "trusted-host"):
        for scope in ("global", "user", "site", ":env:"):
            words = told.get(f"{scope}.{option}", "").strip("'").replace("\\n", " ").split()
            if remote := [word for word in words if not word.startswith(("file:", "/"))]:  # no folder of this machine
                arguments["PIP_" + option.upper().replace("-", "_")] = " ".join(remote)
    certificates = Path(told.get(":env:.cert", told.get("global.cert", "")).strip("'"))
    if certificates.is_file() and len(text := certificates.read_text()) < MAX_ARGUMENT:
        arguments["CA_CERTIFICATES"] = text
    return {name: value for name, value in arguments.items() if not os.environ.get(name)}


@dataclass(frozen=True)
class Container:
    """One container, running or stopped."""

    identity: str

    def inspect(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(run("docker", "inspect", self.identity).stdout)[0]
        return state

    @property
    def started(self) -> float:
        """When it was last started, in seconds since 1970."""
        return seconds(self.inspect()["State"]["StartedAt"])

    def execute(self, *command: str, user: str = "") -> subprocess.CompletedProcess[str]:
        return run("docker", "exec", *(("-u", user) if user else ()), self.identity, *command, check=False)

    def logs(self) -> str:
        done = run("docker", "logs", self.identity, check=False)
        return done.stdout + done.stderr

    def wait_until(self, health: str, since: float = 0) -> float:
        """When the health check came to that result, after a time."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            state = self.inspect()["State"]["Health"]
            if state["Status"] == health and state["Log"] and (when := seconds(state["Log"][-1]["End"])) > since:
                return when
            time.sleep(0.5)
        pytest.fail(f"not {health} within {START_SECONDS} s\n{self.logs()[-4000:]}", pytrace=False)

    def wait_for_end(self, patience: float = START_SECONDS) -> int:
        """Its exit status, once it has ended."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            state = self.inspect()["State"]
            if not state["Running"]:
                return int(state["ExitCode"])
            time.sleep(0.5)
        pytest.fail(f"it did not end within {patience} s\n{self.logs()[-4000:]}", pytrace=False)


@dataclass(frozen=True)
class Stack:
    """One start of docker-compose.yml."""

    project: str
    env: dict[str, str]

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(*compose_command(), "--project-name", self.project, *arguments, env=self.env, check=check)

    def containers(self, service: str = "") -> list[Container]:
        """Those of a service, or all, running or stopped."""
        labels = [f"label=com.docker.compose.project={self.project}"]
        labels += [f"label=com.docker.compose.service={service}"] if service else []
        filters = [word for label in labels for word in ("--filter", label)]
        return [Container(name) for name in run("docker", "ps", "-aq", *filters).stdout.split()]

    def container(self, service: str = "") -> Container:
        """The only one."""
        (container,) = self.containers(service)
        return container

    def url(self, service: str = SERVICE, port: int = 8000) -> str:
        """Where a service's port is reached."""
        (published,) = self.container(service).inspect()["NetworkSettings"]["Ports"][f"{port}/tcp"]
        return f"http://127.0.0.1:{published['HostPort']}"

    def wait_for(
        self, path: str, status: int, service: str = SERVICE, port: int = 8000
    ) -> tuple[httpx.Response, float]:
        """The first answer with that status, and when it came."""
        url, end = self.url(service, port) + path, time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                answer = httpx.get(url, timeout=5)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == status:
                    return answer, time.time()
            time.sleep(0.05)
        logs = "".join(container.logs()[-4000:] for container in self.containers())
        pytest.fail(f"{path} did not answer {status} within {START_SECONDS} s\n{logs}", pytrace=False)


@contextmanager
def started(name: str, *up: str, **env: str) -> Iterator[Stack]:
    """What `up` starts (the README's command, if nothing is named), until the end of the block."""
    ports = {f"{program}_PUBLISH": "127.0.0.1:0" for program in ("FIGMENT", "PROMETHEUS", "GRAFANA")}
    folders = {"FIGMENT_MODELS_DIR": str(store())}
    stack = Stack(f"figment-test-{name}-{os.getpid()}", pip_settings() | ports | folders | env)
    try:
        stack.compose(*(up or readme_command()))
        yield stack
    finally:
        stack.compose("--profile", "scale", "--profile", "train", "--profile", "observability", "kill", check=False)
        for container in stack.containers():
            run("docker", "rm", "--force", "--volumes", container.identity, check=False)
        stack.compose("down", "--volumes", "--timeout", "5", check=False)


def readme_command() -> list[str]:
    """What the README tells a reader to run, without `docker compose`."""
    commands = re.findall(r"^docker compose (.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    return str(commands[0]).split()


def store() -> Path:
    """The store that is served."""
    return Path(os.environ.get("FIGMENT_MODELS_DIR") or ROOT / "models").resolve()


def base_image() -> str:
    return os.environ.get("BASE_IMAGE") or "python:3.11-slim-bookworm"


def seconds(stamp: str) -> float:
    """A time as Docker writes it, as seconds since 1970."""
    return datetime.fromisoformat(stamp).timestamp()
