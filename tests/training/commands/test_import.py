"""The command `import`."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.store import Store
from tests.training.importing.foreign import Raw, save
from training.commands import import_
from training.errors import Failed
from training.importing.questions import Question, Refused, refuse_to_guess

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    def call(*words: str) -> int:
        parser = argparse.ArgumentParser()
        import_.add(parser)
        options = parser.parse_args([*words, "--name", "foreign", "--models", str(tmp_path / "models")])
        status: int = options.run(options)
        return status

    return call


def test_it_writes_a_bundle_and_says_where(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "foreign", Raw())
    assert run(str(path), "--data", "faces", "--license", "CC0", "--layout", "nhwc", "--range=-1..1") == 0
    bundle = Store(tmp_path / "models").open("foreign")
    assert bundle.digest in capsys.readouterr().out
    assert (bundle.manifest.data.name, bundle.manifest.data.license) == ("faces", "CC0")
    assert bundle.manifest.data.attribution == "not stated"


def test_a_question_without_a_terminal_names_the_flag(
    tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Failed, match="--layout nhwc or nchw"):
        run(str(save(tmp_path / "foreign", Raw((3, 8, 3)))))


def test_a_question_at_a_terminal_is_asked_until_it_is_answered(
    tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["", "what?", "nchw"])
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: (asked.append(text), next(answers))[1])
    assert run(str(save(tmp_path / "foreign", Raw((3, 8, 3))))) == 0
    assert len(asked) == 3
    assert "(--layout) [nhwc, nchw]" in asked[0]
    assert Store(tmp_path / "models").open("foreign").manifest.image.width == 3


def test_an_end_of_the_input_is_an_error_that_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(text: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    with pytest.raises(Failed, match="say it with --range"):
        import_.ask_person(Question("which", "--range"))


def test_where_nobody_can_be_asked_the_answers_are_listed() -> None:
    with pytest.raises(Refused, match=r"^it is unclear; say it with --x a or b$"):
        refuse_to_guess(Question("it is unclear", "--x", ("a", "b")))


@pytest.mark.parametrize(
    "words", [["--fix", "label"], ["--fix", "=1"], ["--latent-dim", "0"], ["--latent-dim", "x"], ["--layout", "hwc"]]
)
def test_wrong_usage(run: Callable[..., int], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("path", *words)
    assert words[0] in capsys.readouterr().err
