"""The profile `train`: a run on a few images, whose model the running service takes by itself."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.container.stack import Stack, compose_command, pip_settings, run, started

pytestmark = pytest.mark.docker

OPTIONS = "--resolution 32 --images 256 --set batch_size=16 --set generator.width=8 --set discriminator.width=8"
TRAIN_SECONDS = 480


@pytest.fixture(scope="module")
def trained(image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service, with an empty store at first, and a run that is over."""
    run(*compose_command(), "--profile", "train", "build", "train", env=pip_settings())
    folder = tmp_path_factory.mktemp("train")
    for place in (folder, *(folder / name for name in ("data", "runs", "models"))):
        place.mkdir(exist_ok=True)
        place.chmod(0o777)
    for seed in range(40):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "data" / f"{seed}.png")
    for parent in folder.parents[:2]:
        parent.chmod(0o755)  # pytest's folders are for its own user, and the container's is another
    places = {
        "FIGMENT_MODELS_DIR": folder / "models", "FIGMENT_RUNS_DIR": folder / "runs",
        "FIGMENT_TRAIN_DATA": folder / "data", "FIGMENT_TRAIN_NAME": "squares", "FIGMENT_TRAIN_OPTIONS": OPTIONS,
    }  # fmt: skip
    up = ("--profile", "train", "up", "-d", "--no-build")
    with started("train", *up, **{name: str(value) for name, value in places.items()}) as stack:
        container = stack.container("train")
        assert container.wait_for_end(TRAIN_SECONDS) == 0, container.logs()[-4000:]
        yield stack


def test_the_service_takes_what_was_trained(trained: Stack) -> None:
    trained.wait_for("/readyz", 200)
    (model,) = httpx.get(trained.url() + "/models", timeout=10).json()["models"]
    assert (model["name"], model["image_shape"]) == ("squares", [32, 32, 3])
    answer = httpx.get(trained.url() + "/generate?n=4&seed=7&model=squares&version=1", timeout=60)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (64, 64)


def test_the_run_has_no_privileges(trained: Stack) -> None:
    state = trained.container("train").inspect()
    assert state["Config"]["User"] == "10001:10001"
    assert state["HostConfig"]["ReadonlyRootfs"]
    assert state["HostConfig"]["CapDrop"] == ["ALL"]
    assert state["HostConfig"]["Memory"] > 0
    writable = {mount["Destination"]: mount["RW"] for mount in state["Mounts"]}
    assert writable == {"/data": False, "/runs": True, "/models": True}


def test_the_run_can_be_looked_at(trained: Stack) -> None:
    runs = Path(trained.env["FIGMENT_RUNS_DIR"])
    assert [path.name for path in runs.glob("0*/log.jsonl")] == ["log.jsonl"]
