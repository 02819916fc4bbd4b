import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from training.recipe import Recipe
from training.run import Run, RunError, RunSettings, create_run, open_run

Small = Callable[..., Recipe]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(small_recipe: Small) -> RunSettings:
    return RunSettings(
        recipe=small_recipe(), resolution=32, channels=3, images=400, seed=7, source="/data/avatars", cache="cache",
        name="My Avatars!", license="CC0", attribution="nobody", count=20, digest="sha256:" + "a" * 64,
        started=datetime.now(UTC),
    )  # fmt: skip


def test_a_run_is_opened_as_it_was_created(tmp_path: Path, settings: RunSettings) -> None:
    run = create_run(tmp_path / "runs", settings)
    assert open_run(run.path) == run
    assert run.path == tmp_path / "runs" / "00000-my-avatars-ns"
    assert (run.samples.is_dir(), run.checkpoints.name, run.log_file.name) == (True, "checkpoints", "log.jsonl")


def test_a_run_knows_when_it_began(settings: RunSettings) -> None:
    assert settings.started.tzinfo == UTC
    assert abs((datetime.now(UTC) - settings.started).total_seconds()) < 60


def test_runs_are_numbered_one_above_the_highest(tmp_path: Path, settings: RunSettings) -> None:
    for other in ("00041-x-ns", "cache", "7-x", "99999", "0000a-x"):
        (tmp_path / other).mkdir()
    names = [create_run(tmp_path, settings).path.name for _ in range(2)]
    assert names == ["00042-my-avatars-ns", "00043-my-avatars-ns"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Avatars 2.0", "avatars-2-0"),
        ("../../etc", "etc"),
        ("日本", "images"),
        ("", "images"),
        ("--", "images"),
        ("x" * 300, "x" * 60),
    ],
)
def test_the_folder_is_named_after_the_data(tmp_path: Path, settings: RunSettings, name: str, slug: str) -> None:
    run = create_run(tmp_path, settings.model_copy(update={"name": name}))
    assert run.path == tmp_path / f"00000-{slug}-ns"


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"recipe": {}}', b"\xff"])
def test_what_is_no_run_is_refused_with_the_reason(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"it has no run\.json" if content is None else "cannot be read"):
        open_run(tmp_path)


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RunError, match=r"run\.json cannot be read"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize("content", [b'{"resolution": 33}', b"{", b"[]", b"\xff"])
def test_a_damaged_run_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match="cannot be read") as refused:
        open_run(tmp_path)
    assert "\n" not in str(refused.value)
    assert "http" not in str(refused.value)


def test_another_number_of_images_is_written_down(tmp_path: Path, settings: RunSettings) -> None:
    run = create_run(tmp_path, settings)
    longer = run.with_images(9000)
    assert open_run(run.path) == longer
    assert longer.settings.model_copy(update={"images": 400}) == settings


HOLDER = """
import sys
from pathlib import Path
from training.run import open_run

with open_run(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_train_one_run(tmp_path: Path, settings: RunSettings) -> None:
    run = create_run(tmp_path, settings)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(RunError, match="is being trained by another process"), run.locked():
            pytest.fail("a run was locked twice")
        holder.kill()
    with run.locked():  # the lock has ended with its holder
        assert sorted(p.name for p in run.path.iterdir()) == ["run.json", "samples"]


def test_a_lock_ends_with_its_block(tmp_path: Path, settings: RunSettings) -> None:
    run: Run = create_run(tmp_path, settings)
    with pytest.raises(ZeroDivisionError), run.locked():
        raise ZeroDivisionError
    with run.locked():
        assert open_run(run.path) == run
