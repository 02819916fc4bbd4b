import argparse
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from training import cache, dataset
from training.cli import main
from training.commands import fit, resume
from training.commands.arguments import count, seed
from training.run import Run, open_run

Fill = Callable[..., Path]

ROOT = Path(__file__).parents[2]
SMALL = [
    "latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4", "discriminator.minibatch_stddev=4",
]  # fmt: skip


def fit_arguments(data: Path, out: Path, *more: str) -> list[str]:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    return ["fit", "--data", str(data), "--out", str(out), "--resolution", "32", *settings, *more]


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, int, bool]]:
    """Instead of training: which runs were to be trained, on how many images, and whether they were to be resumed."""
    calls: list[tuple[Run, int, bool]] = []

    def noted(run: Run, data: dataset.ImageSet, every: int | None, resume: bool, strategy: str = "one") -> int:
        calls.append((run, len(data.images), resume))
        return 0

    for command in (fit, resume):
        monkeypatch.setattr(command, "train_run", noted)
    return calls


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("50000", 50_000),
        ("500k", 500_000),
        ("1.5M", 1_500_000),
        ("1.001k", 1001),
        ("2K", 2000),
        ("0.5k", 500),
    ],
)
def test_images_are_counted_in_thousands_and_millions(text: str, number: int) -> None:
    assert count(text) == number


@pytest.mark.parametrize(
    "text", ["0", "-5", "", "k", "1e6", "1.5.0", "10G", "5 k", "nan", "inf", "0.0001k", "99999999999"]
)
def test_what_is_no_number_of_images_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no number of images, such as 50000, 500k or"):
        count(text)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("4294967295", 4294967295)])
def test_a_runs_seed_is_a_seed(text: str, number: int) -> None:
    assert seed(text) == number


@pytest.mark.parametrize("text", ["-1", "4294967296", "x", "", "1.5", "²"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no whole number"):
        seed(text)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["train"], ["fit"], ["fit", "--data"], ["fit", "--data", "x", "--images", "0"],
        ["fit", "--data", "x", "--every", "0"], ["fit", "--data", "x", "--seed", "-1"],
        ["fit", "--data", "x", "--resolution", "48"], ["fit", "--data", "x", "--channels", "2"],
        ["fit", "--data", "x", "--colour", "blue"], ["resume"], ["export", "x"], ["export", "x", "--name", "../x"],
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2_and_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m training" in capsys.readouterr().err


def prepared(folder: Path, make_pictures: Fill) -> None:
    """What the cases below name."""
    make_pictures(folder / "good", 5)
    for empty in ("empty", "texts", "broken"):
        (folder / empty).mkdir()
    (folder / "texts" / "a.txt").write_text("a text")
    for i in range(3):
        (folder / "broken" / f"{i}.png").write_bytes(b"broken")
    (folder / "file.zip").write_bytes(b"no zip")
    (folder / "mine.toml").write_text("name = ")
    (folder / "not-a-run").mkdir()


@pytest.mark.parametrize(
    ("data", "out", "more", "reason"),
    [
        ("nowhere", "runs", [], "nowhere does not exist; --data takes a folder of images or a zip of them"),
        ("empty", "runs", [], "empty holds no images: looked, at any depth, for .bmp, .gif, .jpeg, .jpg, .png"),
        ("texts", "runs", [], "texts holds no images"),
        ("broken", "runs", [], "none of the 3 images of"),
        ("broken", "runs", [], "can be read; the first, 0.png: not an image of a known kind"),
        ("file.zip", "runs", [], "file.zip is neither a folder nor a readable zip"),
        ("good", "file.zip", [], "Not a directory: '"),
        (
            "good",
            "runs",
            ["--recipe", "dcgan"],
            "no recipe 'dcgan'; there are hinge, lsgan,",
        ),
        ("good", "runs", ["--recipe", "{}/mine.toml"], "mine.toml cannot be read: Invalid value"),
        ("good", "runs", ["--recipe", "{}/none.toml"], "no recipe '"),
        ("good", "runs", ["--set", "batch=8"], "there is no setting 'batch' in the recipe"),
        ("good", "runs", ["--set", "batch_size=x"], "batch_size: Input should be a valid integer"),
        ("good", "runs", ["--set", "batch_size=6"], "batch_size 6 is not a multiple of minibatch_stddev 4"),
        ("good", "runs", ["--set", "loss=wasserstein"], "a Wasserstein critic must be kept Lipschitz"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    tmp_path: Path, make_pictures: Fill, untrained: list[object], capsys: pytest.CaptureFixture[str],
    data: str, out: str, more: list[str], reason: str,
) -> None:  # fmt: skip
    prepared(tmp_path, make_pictures)
    more = [word.format(tmp_path) for word in more]
    assert main(fit_arguments(tmp_path / data, tmp_path / out, *more)) == 1
    error = capsys.readouterr().err
    assert error.startswith("training: ")
    assert error.count("\n") == 1
    assert reason in error
    assert untrained == []
    assert list(tmp_path.glob("runs/0*")) == []  # no folder of a run that never was


def test_a_fit_makes_a_run_with_all_that_was_asked(
    tmp_path: Path, make_pictures: Fill, untrained: list[tuple[Run, int, bool]]
) -> None:
    make_pictures(tmp_path / "My Faces v1.2", 5)
    more = ["--images", "2k", "--seed", "9", "--license", "CC0", "--attribution", "Ada", "--flip", "--channels", "1"]
    assert main(fit_arguments(tmp_path / "My Faces v1.2", tmp_path / "runs", *more)) == 0
    ((run, images, resume),) = untrained
    assert (images, resume) == (5, False)
    assert run == open_run(tmp_path / "runs" / "00000-my-faces-v1-2-ns")
    settings = run.settings
    assert (settings.images, settings.seed, settings.resolution, settings.channels) == (2000, 9, 32, 1)
    assert (settings.name, settings.license, settings.attribution) == ("My Faces v1.2", "CC0", "Ada")
    assert (settings.recipe.flip, settings.recipe.batch_size, settings.count) == (True, 4, 5)
    assert (run.path / "recipe.toml").read_bytes() == (ROOT / "training/recipes/ns.toml").read_bytes()


def test_a_recipe_of_ones_own_is_copied_into_the_run(
    tmp_path: Path, pictures: Path, untrained: list[tuple[Run, int, bool]]
) -> None:
    text = (ROOT / "training/recipes/wgan-gp.toml").read_text().replace('"wgan-gp"', '"mine"') + "# of my own\n"
    (tmp_path / "mine.toml").write_text(text)
    assert main(["fit", "--data", str(pictures), "--out", str(tmp_path), "--recipe", str(tmp_path / "mine.toml")]) == 0
    assert untrained[0][0].path == tmp_path / "00000-colours-mine"
    assert (untrained[0][0].path / "recipe.toml").read_text() == text


def test_unreadable_images_are_named_but_not_by_the_thousand(
    tmp_path: Path, make_pictures: Fill, untrained: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    make_pictures(tmp_path / "data", 3)
    for i in range(25):
        (tmp_path / "data" / f"bad [red]{i:02d}.png").write_bytes(b"")
    assert main(fit_arguments(tmp_path / "data", tmp_path / "runs")) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training: left out, unreadable: bad [red]00.png: empty"
    assert lines[10:12] == [
        "training: left out, unreadable: 15 more",
        "training: 25 of 28 files cannot be read and are left out",
    ]


@pytest.fixture
def begun(tmp_path: Path, make_pictures: Fill, untrained: list[object]) -> Path:
    """A run's folder, of data that is there."""
    make_pictures(tmp_path / "data", 5)
    assert main(fit_arguments(tmp_path / "data", tmp_path / "runs", "--images", "400")) == 0
    untrained.clear()
    (tmp_path / "runs" / "00000-data-ns" / "checkpoints").mkdir()
    (tmp_path / "runs" / "00000-data-ns" / "checkpoints" / "ckpt-10.index").touch()
    return tmp_path / "runs" / "00000-data-ns"


def test_a_run_is_resumed_from_any_folder(
    begun: Path, untrained: list[tuple[Run, int, bool]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["resume", "../runs/00000-data-ns"]) == 0
    assert [(images, resume) for _, images, resume in untrained] == [(5, True)]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_fit_with_relative_paths_is_resumed_from_any_folder(
    untrained: list[tuple[Run, int, bool]], make_pictures: Fill, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "data", 5)
    monkeypatch.chdir(tmp_path)
    assert main(fit_arguments(Path("data"), Path("runs"))) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["resume", str(tmp_path / "runs" / "00000-data-ns")]) == 0
    assert len(untrained) == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_run_that_was_killed_in_its_first_save_begins_anew(
    begun: Path, untrained: list[tuple[Run, int, bool]]
) -> None:
    (begun / "checkpoints" / "ckpt-10.index").rename(begun / "checkpoints" / "ckpt-10.index.tempstate1")
    assert main(["resume", str(begun)]) == 0
    assert [(images, resume) for _, images, resume in untrained] == [(5, False)]


def test_a_run_is_resumed_without_its_cache(begun: Path, untrained: list[tuple[Run, int, bool]]) -> None:
    shutil.rmtree(begun.parent / "cache")
    assert main(["resume", str(begun)]) == 0
    assert [(images, resume) for _, images, resume in untrained] == [(5, True)]


def test_a_run_that_died_before_its_first_checkpoint_begins(
    begun: Path, untrained: list[tuple[Run, int, bool]]
) -> None:
    shutil.rmtree(begun / "checkpoints")
    assert main(["resume", str(begun)]) == 0
    assert [resume for _, _, resume in untrained] == [False]


def test_a_run_can_be_made_longer(begun: Path, untrained: list[tuple[Run, int, bool]]) -> None:
    assert main(["resume", str(begun), "--images", "1k"]) == 0
    assert untrained[0][0].settings.images == open_run(begun).settings.images == 1000


def test_a_run_is_not_made_shorter_than_what_it_has_seen(
    begun: Path, untrained: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(begun), "--images", "8"]) == 1
    assert "has seen 40 images already, more than 8" in capsys.readouterr().err
    assert open_run(begun).settings.images == 400
    assert untrained == []


def test_a_run_whose_data_has_moved_keeps_its_length(begun: Path, untrained: list[object], tmp_path: Path) -> None:
    (tmp_path / "data").rename(tmp_path / "moved")
    assert main(["resume", str(begun), "--images", "1M"]) == 1
    assert open_run(begun).settings.images == 400


@pytest.mark.parametrize("option", ["--name", "--license", "--attribution", "--data"])
def test_what_is_no_unicode_is_refused_before_there_is_a_run(
    option: str, make_pictures: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = fit_arguments(make_pictures(tmp_path / "data", 5), tmp_path / "runs", option, "caf\udce9")
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "no valid Unicode" in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/0*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--heldout", "nothere"], "nothere"), (["--heldout", "data"], "must be images of its own")],
)
def test_held_out_images_are_looked_at_before_there_is_a_run(
    arguments: list[str], said: str, make_pictures: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    make_pictures(tmp_path / "data", 5)
    monkeypatch.chdir(tmp_path)
    assert main(fit_arguments(Path("data"), Path("runs"), *arguments)) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/0*"))


def test_resuming_twice_at_once_is_refused(
    begun: Path, untrained: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    with open_run(begun).locked():
        assert main(["resume", str(begun), "--images", "1k"]) == 1
    assert "is being trained by another process" in capsys.readouterr().err
    assert untrained == []
    assert open_run(begun).settings.images == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: shutil.rmtree(data), "data does not exist"),
        (lambda data: (data / "000.png").unlink(), "data is not what the run began with: its images have changed"),
        (lambda data: shutil.copy(data / "000.png", data / "001.png"), "is not what the run began with"),
    ],
)
def test_a_run_is_not_resumed_on_other_data(
    begun: Path, untrained: list[object], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    change: Callable[[Path], object], reason: str,
) -> None:  # fmt: skip
    change(tmp_path / "data")
    assert main(["resume", str(begun)]) == 1
    assert reason in capsys.readouterr().err
    assert untrained == []


@pytest.mark.parametrize(("name", "reason"), [("nowhere", "it has no run.json"), (".", "it has no run.json")])
def test_what_is_no_run_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    assert main(["resume", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"training: {tmp_path / name} is no run")
    assert reason in error


def test_a_full_disk_is_said_with_the_file(
    tmp_path: Path, pictures: Path, untrained: list[object], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache, "_write_header", full)
    assert main(fit_arguments(pictures, tmp_path / "runs")) == 1
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert str(tmp_path / "runs" / "cache") in error
    assert list((tmp_path / "runs" / "cache").iterdir()) == []


def test_ctrl_c_while_decoding_is_status_130_and_leaves_no_run(
    tmp_path: Path, pictures: Path, untrained: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "_write_header", interrupted)
    assert main(fit_arguments(pictures, tmp_path / "runs")) == 130
    assert list((tmp_path / "runs" / "cache").iterdir()) == []
