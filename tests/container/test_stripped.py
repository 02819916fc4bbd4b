"""What was stripped is not missed: the tests of the HTTP interface and of the engine, run inside the finished image.

The image has no pytest. What the tests need beyond the image's own packages is copied from this environment into a
folder that comes after them.
"""

import json
import re
import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.container.stack import IMAGE, ROOT, run

pytestmark = pytest.mark.docker

NEEDED = (
    "pytest", "pytest-asyncio", "hypothesis", "httpx", "jsonschema",
    "av",  # MP4, which is optional, and which many tests ask for
    "openai", "tritonclient", "geventhttpclient", "python-rapidjson", "aiohttp",  # other people's clients
)  # fmt: skip
TESTS = ("tests/service/api", "tests/service/engine/test_savedmodel.py")
"""The whole interface on the fake engine, and TensorFlow with real graphs."""


def sbom() -> set[str]:
    """The packages that the image has, by its bill of materials."""
    text = run("docker", "run", "--rm", "--entrypoint", "cat", IMAGE, "/app/sbom.json").stdout
    return {canonicalize_name(component["name"]) for component in json.loads(text)["components"]}


def missing(names: tuple[str, ...], there: set[str]) -> dict[str, Distribution]:
    """Those packages and what they need, but for what is there."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in there or name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # optional
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def copy(packages: dict[str, Distribution], folder: Path) -> None:
    """The packages' files, as they would be installed there; for everybody to read."""
    for package in packages.values():
        for file in package.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                place = folder / str(file)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), place)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_the_bill_of_materials_is_the_lock_without_what_is_removed(image: None) -> None:
    locked = {
        canonicalize_name(name)
        for lock in ("service-cpu", "otel")
        for name in re.findall(r"^([\w.-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE)
    }
    removed = {"keras", "h5py", "libclang", "grpcio", "setuptools", "wheel"}
    assert sbom() <= locked
    assert not sbom() & removed
    assert {"tensorflow-cpu", "fastapi", "numpy", "pillow", "opentelemetry-sdk"} <= sbom()


def test_the_tests_pass_in_the_image(image: None, tmp_path: Path, figures: list[str]) -> None:
    packages = tmp_path / "packages"
    copy(missing(NEEDED, sbom()), packages)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    mounts = {ROOT / name: f"/app/{name}" for name in ("tests", "pyproject.toml", "docs", "models")}
    mounts |= {packages: "/packages"}
    options = [f"--mount=type=bind,source={source},target={target},readonly" for source, target in mounts.items()]
    done = run(
        "docker", "run", "--rm", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--env=PYTHONPATH=/packages",
        *options, IMAGE, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, check=False,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    figures.append(f"the tests inside the image: {last}")
    assert int(re.findall(r"(\d+) passed", last)[0]) > 1000


def test_the_layers_are_told(image: None, figures: list[str]) -> None:
    """For docs/deploy.md: nothing but these four adds to the base image."""
    lines = run("docker", "history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", IMAGE).stdout.splitlines()
    layers = [line.split("\t") for line in lines]
    ours = layers[: next(i for i, (_, command) in enumerate(layers) if "groupadd" in command) + 1]
    sized = [(size, command) for size, command in ours if size != "0B"]
    figures.extend(f"layer {size}: {command[:60]}" for size, command in sized)
    assert len(sized) == 4  # the user, the packages, the sources, the bill of materials
