"""The Dockerfile and docker-compose.yml as a reader uses them: the service alone.

Sizes and times are written to the terminal at the end.
"""

import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import PIL.Image
import pytest

from tests.container.stack import SERVICE, START_SECONDS, Stack, run, started, store

pytestmark = pytest.mark.docker


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url(), timeout=60) as client:
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
    usage = run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", stack.container().identity).stdout
    used, _, _ = usage.partition(" /")
    figures.append(f"memory after 20 grids of 64: {used}")
    assert used[-3:] in {"MiB", "GiB"}


def test_its_standard_output_is_json_alone(http: httpx.Client, stack: Stack) -> None:
    assert http.get("/images/7.png", headers={"X-Request-Id": "looked-for"}).status_code == 200
    end, lines = time.monotonic() + 60, list[dict[str, object]]()
    while not any(line.get("request_id") == "looked-for" for line in lines):
        assert time.monotonic() < end
        printed = run("docker", "logs", stack.container().identity).stdout
        lines = [json.loads(line) for line in printed.splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))


def test_runs_without_privileges(stack: Stack) -> None:
    assert stack.container().execute("id", "-u").stdout.strip() == "10001"
    config = stack.container().inspect()["HostConfig"]
    assert config["ReadonlyRootfs"]
    assert config["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in config["SecurityOpt"]
    assert 0 < config["Memory"] == config["MemorySwap"], "no swap beyond the memory"
    assert 0 < config["PidsLimit"] < 10_000
    assert [mount["RW"] for mount in stack.container().inspect()["Mounts"] if mount["Destination"] == "/models"] == [
        False
    ]


@pytest.mark.parametrize("folder", ["/app", "/models", "/venv", "/var/tmp", "/home"])
def test_cannot_write(stack: Stack, folder: str) -> None:
    assert stack.container().execute("touch", f"{folder}/x").returncode
    assert stack.container().execute("touch", f"{folder}/x", user="0").returncode


def test_can_write_temporary_files(stack: Stack) -> None:
    assert stack.container().execute("sh", "-c", "touch /tmp/x && rm /tmp/x").returncode == 0


def test_published_on_this_machine_only(stack: Stack) -> None:
    ports = stack.container().inspect()["NetworkSettings"]["Ports"]["8000/tcp"]
    assert {port["HostIp"] for port in ports} == {"127.0.0.1"}


@pytest.mark.parametrize("module", ["pip", "setuptools", "keras", "h5py", "clang", "grpc", "training", "pytest"])
@pytest.mark.parametrize("python", ["/venv/bin/python", "/usr/local/bin/python"])
def test_module_is_left_out(stack: Stack, python: str, module: str) -> None:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
    assert stack.container().execute(python, "-c", code).returncode == 0


def test_no_compiler_and_no_headers(stack: Stack) -> None:
    for program in ("gcc", "cc", "clang", "ld", "as", "pip", "pip3"):
        assert stack.container().execute("sh", "-c", f"command -v {program}").returncode, program
    folders = ("/venv", "/usr/include", "/usr/local/include")
    assert stack.container().execute("find", *folders, "-path", "*/include/*", "-name", "*.h").stdout.split() == []
    assert stack.container().execute("ls", "/app").stdout.split() == ["bundle", "sbom.json", "service"]


def test_settings_are_passed_on_only_where_set(stack: Stack) -> None:
    names = stack.container().execute("cat", "/proc/1/environ").stdout.split("\0")
    assert sorted(name.partition("=")[0] for name in names if name.startswith("FIGMENT_")) == [
        "FIGMENT_HOST",
        "FIGMENT_LOG_FORMAT",
        "FIGMENT_MEMORY",
        "FIGMENT_MODELS",
        "FIGMENT_PORT",
        "FIGMENT_PUBLISHED",
    ]


def test_stops_gracefully(image: None) -> None:
    with started("stop") as stack:
        stack.wait_for("/readyz", 200)
        begin = time.monotonic()
        stack.compose("stop", SERVICE)
        took = time.monotonic() - begin
        state = stack.container().inspect()["State"]
        assert state["ExitCode"] == 0, state
        assert took < 40, "killed after the grace period is 45 s and more"


def test_stops_at_once_during_start_up(image: None) -> None:
    with started("early") as stack:
        stack.compose("stop", SERVICE)
        state = stack.container().inspect()["State"]
        assert state["ExitCode"] in {0, 143}, "143 is SIGTERM, 137 killed"


def test_broken_store_is_told(image: None, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    bundle = tmp_path / "broken" / "1"
    bundle.mkdir(parents=True)
    (bundle / "saved_model.pb").write_bytes(b"no model")
    with started("broken", FIGMENT_MODELS_DIR=str(tmp_path)) as stack:
        stack.wait_for("/livez", 200)
        deadline = time.monotonic() + START_SECONDS
        while "starting" in (ready := httpx.get(stack.url() + "/readyz", timeout=5)).text:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for answer in (ready, httpx.get(stack.url() + "/generate", timeout=5)):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "broken/1: it has no assets.extra/manifest.json" in answer.json()["detail"]
        assert "no model is served" in stack.container().logs()
        assert stack.container().inspect()["State"]["Running"]


def test_missing_gpu_is_refused(image: None) -> None:
    stack = Stack(f"figment-test-gpu-{os.getpid()}", {"FIGMENT_MODELS_DIR": str(store()), "FIGMENT_DEVICE": "gpu"})
    try:
        done = stack.compose("run", "--rm", "-T", SERVICE, check=False)
    finally:
        stack.compose("down", "--volumes", check=False)
    assert done.returncode == 1
    assert "FIGMENT_DEVICE=gpu, but TensorFlow sees no GPU" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
