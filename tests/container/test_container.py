"""The Dockerfile and docker-compose.yml, built and run as they are; only the published port and the store differ.

FIGMENT_MODELS_DIR names another store than models/. Sizes and times are written to the terminal at the end.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "figment:cpu"
SERVICE = "figment"
START_SECONDS = 240
"""A container is given up after this long; on a busy machine TensorFlow alone may take half a minute to import."""
MAX_ARGUMENT = 100_000
"""Characters of certificates that are passed on: Linux allows 128 KiB in one environment variable."""

pytestmark = pytest.mark.docker


def run(*command: str, env: dict[str, str] | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True)
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
class Stack:
    """One start of docker-compose.yml."""

    project: str
    env: dict[str, str]

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(*compose_command(), "--project-name", self.project, *arguments, env=self.env, check=check)

    @cached_property
    def container(self) -> str:
        """The only container, running or stopped."""
        label = f"label=com.docker.compose.project={self.project}"
        (container,) = run("docker", "ps", "-aq", "--filter", label).stdout.split()
        return container

    @cached_property
    def url(self) -> str:
        return "http://" + self.compose("port", SERVICE, "8000").stdout.strip()

    def inspect(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(run("docker", "inspect", self.container).stdout)[0]
        return state

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        return run("docker", "exec", self.container, *command, check=False)

    def logs(self) -> str:
        done = run("docker", "logs", self.container, check=False)
        return done.stdout + done.stderr

    def wait_for(self, path: str, status: int) -> tuple[httpx.Response, float]:
        """The first answer with that status, and when it came."""
        url, end = self.url + path, time.time() + START_SECONDS
        while time.time() < end:
            try:
                answer = httpx.get(url, timeout=5)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == status:
                    return answer, time.time()
            time.sleep(0.05)
        pytest.fail(f"{path} did not answer {status} within {START_SECONDS} s\n{self.logs()[-4000:]}", pytrace=False)

    def wait_until(self, health: str) -> float:
        """When the health check came to that result."""
        end = time.time() + START_SECONDS
        while time.time() < end:
            state = self.inspect()["State"]["Health"]
            if state["Status"] == health:
                return seconds(state["Log"][-1]["End"])
            time.sleep(0.5)
        pytest.fail(f"not {health} within {START_SECONDS} s\n{self.logs()[-4000:]}", pytrace=False)


def seconds(stamp: str) -> float:
    """A time as Docker writes it, as seconds since 1970."""
    return datetime.fromisoformat(stamp).timestamp()


@pytest.fixture(scope="module")
def image() -> None:
    """The image, built by compose."""
    compose = compose_command()
    run(*compose, "build", SERVICE, env=pip_settings())


def readme_command() -> list[str]:
    """What the README tells a reader to run, without `docker compose`."""
    commands = re.findall(r"^docker compose (.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    return str(commands[0]).split()


def started(name: str, models: Path) -> Iterator[Stack]:
    """All that starts unasked: the CPU service, not the GPU's, which stands behind a profile."""
    stack = Stack(
        f"figment-test-{name}-{os.getpid()}",
        pip_settings() | {"FIGMENT_MODELS_DIR": str(models), "FIGMENT_PUBLISH": "127.0.0.1:0"},
    )
    try:
        stack.compose(*readme_command())
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5", check=False)


def store() -> Path:
    return Path(os.environ.get("FIGMENT_MODELS_DIR") or ROOT / "models").resolve()


@pytest.fixture(scope="module")
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
    for stack in started("service", store()):
        _, ready = stack.wait_for("/readyz", 200)
        begin = seconds(stack.inspect()["State"]["StartedAt"])
        healthy = stack.wait_until("healthy")
        size = int(run("docker", "image", "inspect", IMAGE, "--format", "{{.Size}}").stdout)
        base = int(run("docker", "image", "inspect", base_image(), "--format", "{{.Size}}").stdout)
        figures.append(f"image {size / 1e6:.0f} MB, of it {base / 1e6:.0f} MB base image")
        figures.append(f"start to /readyz 200: {ready - begin:.1f} s; to healthy: {healthy - begin:.1f} s")
        yield stack


def base_image() -> str:
    return os.environ.get("BASE_IMAGE") or "python:3.11-slim-bookworm"


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        yield client


def test_models_lists_what_is_mounted(http: httpx.Client) -> None:
    listing = http.get("/models").json()
    assert {model["name"] for model in listing["models"]} == {path.name for path in store().iterdir() if path.is_dir()}
    assert listing["skipped"] == []


def test_generate_answers_a_grid_of_png(http: httpx.Client) -> None:
    height, width, _ = http.get("/models").json()["models"][0]["image_shape"]
    answer = http.post("/generate", params={"n": 16, "seed": 7})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    with PIL.Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (4 * width, 4 * height))
        assert len(set(picture.convert("L").tobytes())) > 16


def test_same_seed_same_bytes(http: httpx.Client) -> None:
    first, second = (http.get("/generate", params={"n": 4, "seed": 7}).content for _ in range(2))
    other = http.get("/generate", params={"n": 4, "seed": 8}).content
    assert first == second != other


def test_interpolate_answers_an_animation(http: httpx.Client) -> None:
    answer = http.get("/interpolate", params={"seeds": "7,ada", "frames": 6, "format": "webp"})
    assert answer.status_code == 200, answer.text
    with PIL.Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, getattr(picture, "n_frames", 1)) == ("WEBP", 6)


def test_memory(http: httpx.Client, stack: Stack, figures: list[str]) -> None:
    for seed in range(20):
        assert http.get("/generate", params={"n": 64, "seed": seed}).status_code == 200
    usage = run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", stack.container).stdout
    used, _, _ = usage.partition(" /")
    figures.append(f"memory after 20 grids of 64: {used}")
    assert used[-3:] in {"MiB", "GiB"}


def test_runs_without_privileges(stack: Stack) -> None:
    assert stack.execute("id", "-u").stdout.strip() == "10001"
    config = stack.inspect()["HostConfig"]
    assert config["ReadonlyRootfs"]
    assert config["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in config["SecurityOpt"]
    assert [mount["RW"] for mount in stack.inspect()["Mounts"] if mount["Destination"] == "/models"] == [False]


@pytest.mark.parametrize("folder", ["/app", "/models", "/venv", "/var/tmp", "/home"])
def test_cannot_write(stack: Stack, folder: str) -> None:
    assert stack.execute("touch", f"{folder}/x").returncode
    assert run("docker", "exec", "-u", "0", stack.container, "touch", f"{folder}/x", check=False).returncode


def test_can_write_temporary_files(stack: Stack) -> None:
    assert stack.execute("sh", "-c", "touch /tmp/x && rm /tmp/x").returncode == 0


def test_published_on_this_machine_only(stack: Stack) -> None:
    ports = stack.inspect()["NetworkSettings"]["Ports"]["8000/tcp"]
    assert {port["HostIp"] for port in ports} == {"127.0.0.1"}


@pytest.mark.parametrize("module", ["pip", "setuptools", "keras", "h5py", "clang", "grpc", "training", "pytest"])
@pytest.mark.parametrize("python", ["/venv/bin/python", "/usr/local/bin/python"])
def test_module_is_left_out(stack: Stack, python: str, module: str) -> None:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
    assert stack.execute(python, "-c", code).returncode == 0


def test_no_compiler_and_no_headers(stack: Stack) -> None:
    for program in ("gcc", "cc", "clang", "ld", "as", "pip", "pip3"):
        assert stack.execute("sh", "-c", f"command -v {program}").returncode, program
    folders = ("/venv", "/usr/include", "/usr/local/include")
    assert stack.execute("find", *folders, "-path", "*/include/*", "-name", "*.h").stdout.split() == []
    assert stack.execute("ls", "/app").stdout.split() == ["bundle", "service"]


def test_settings_are_passed_on_only_where_set(stack: Stack) -> None:
    names = stack.execute("cat", "/proc/1/environ").stdout.split("\0")
    assert sorted(name.partition("=")[0] for name in names if name.startswith("FIGMENT_")) == [
        "FIGMENT_HOST",
        "FIGMENT_MODELS",
        "FIGMENT_PORT",
        "FIGMENT_PUBLISHED",
    ]


def test_stops_gracefully(image: None) -> None:
    for stack in started("stop", store()):
        stack.wait_for("/readyz", 200)
        begin = time.monotonic()
        stack.compose("stop", SERVICE)
        took = time.monotonic() - begin
        state = stack.inspect()["State"]
        assert state["ExitCode"] == 0, state
        assert took < 40, "killed after the grace period is 45 s and more"


def test_stops_at_once_during_start_up(image: None) -> None:
    for stack in started("early", store()):
        stack.compose("stop", SERVICE)
        state = stack.inspect()["State"]
        assert state["ExitCode"] in {0, 143}, "143 is SIGTERM, 137 killed"


def test_broken_store_is_told(image: None, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    bundle = tmp_path / "broken" / "1"
    bundle.mkdir(parents=True)
    (bundle / "saved_model.pb").write_bytes(b"no model")
    for stack in started("broken", tmp_path):
        stack.wait_for("/livez", 200)
        deadline = time.monotonic() + START_SECONDS
        while "starting" in (ready := httpx.get(stack.url + "/readyz", timeout=5)).text:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for answer in (ready, httpx.get(stack.url + "/generate", timeout=5)):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "broken/1: it has no assets.extra/manifest.json" in answer.json()["detail"]
        assert "no model is served" in stack.logs()
        assert stack.inspect()["State"]["Running"]


def test_missing_gpu_is_refused(image: None) -> None:
    stack = Stack(f"figment-test-gpu-{os.getpid()}", {"FIGMENT_MODELS_DIR": str(store()), "FIGMENT_DEVICE": "gpu"})
    try:
        done = stack.compose("run", "--rm", "-T", SERVICE, check=False)
    finally:
        stack.compose("down", check=False)
    assert done.returncode == 1
    assert "FIGMENT_DEVICE=gpu, but TensorFlow sees no GPU" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
