import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.compare import runs
from training.compare.plan import Comparison
from training.compare.runs import arguments, find_run, last_words, train_apart
from training.run import Run

MakeRun = Callable[..., Run]


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Instead of the training command, a few lines of Python."""
    real = runs.subprocess.Popen

    def fake(words: list[str], **more: object) -> object:
        assert words[:3] == [sys.executable, "-m", "training"]
        return real([sys.executable, "-c", words[3]], **more)

    monkeypatch.setattr(runs.subprocess, "Popen", fake)
    monkeypatch.setattr(runs, "POLL", 0.05)
    return lambda program: [program]


def with_state(run: Run) -> Run:
    run.checkpoints.mkdir()
    (run.checkpoints / "checkpoint").touch()
    return run


def test_the_run_of_a_recipe_and_a_seed_is_found(tmp_path: Path, comparison: Comparison, make_run: MakeRun) -> None:
    made = {
        (name, seed): with_state(make_run(tmp_path, comparison.load(name), seed))
        for name in ("ns", "wgan") for seed in (0, 1)
    }  # fmt: skip
    (tmp_path / "00009-broken-ns").mkdir()
    (tmp_path / "00009-broken-ns" / "run.json").write_text("{")
    for (name, seed), run in made.items():
        assert find_run(tmp_path, comparison, name, seed) == run
    assert find_run(tmp_path, comparison, "ns", 2) is None


def test_a_run_under_other_settings_is_another(tmp_path: Path, comparison: Comparison, make_run: MakeRun) -> None:
    recipe = comparison.load("ns")
    with_state(make_run(tmp_path, recipe, images=300))
    with_state(make_run(tmp_path, recipe.model_copy(update={"batch_size": 32})))
    assert find_run(tmp_path, comparison, "ns", 0) is None


def test_a_run_that_was_killed_before_its_first_state_begins_again(
    tmp_path: Path, comparison: Comparison, make_run: MakeRun
) -> None:
    with_state(make_run(tmp_path, comparison.load("ns")))
    make_run(tmp_path, comparison.load("ns"))
    assert find_run(tmp_path, comparison, "ns", 0) is None


def test_a_run_begins_under_the_conditions(tmp_path: Path, comparison: Comparison) -> None:
    words = " ".join(arguments(tmp_path, comparison, "ns", 2, None))
    assert words == (
        "fit --data /data/faces.zip --recipe ns --seed 2 --images 200 --every 10 --resolution 32 --channels 3 "
        f"--holdout 0.05 --set generator.width=4 --on-trouble stop --out {tmp_path}"
    )


@pytest.mark.parametrize(
    ("key", "value", "words"), [("labels", "hair", "--labels hair"), ("heldout", "/data/test", "--heldout /data/test")]
)
def test_what_is_given_is_passed_on(tmp_path: Path, comparison: Comparison, key: str, value: str, words: str) -> None:
    changed = comparison.model_copy(update={"conditions": comparison.conditions.model_copy(update={key: value})})
    assert words in " ".join(arguments(tmp_path, changed, "ns", 0, None))


def test_a_run_goes_on(tmp_path: Path, comparison: Comparison, make_run: MakeRun) -> None:
    run = make_run(tmp_path, comparison.load("ns"))
    assert arguments(tmp_path, comparison, "ns", 0, run) == ["resume", str(run.path), "--every", "10"]


@pytest.mark.parametrize(
    ("program", "status", "words"),
    [
        ("print('a'); print('b')", 0, "b"),
        ("import sys; print('training: no memory', file=sys.stderr); print('after'); sys.exit(1)", 1, "no memory"),
        ("import os; os.kill(os.getpid(), 9)", -9, "it said nothing"),
        ("raise SystemExit(130)", 130, "it said nothing"),
    ],
)
def test_how_a_process_ends_is_told(
    tmp_path: Path, python: Callable[[str], list[str]], program: str, status: int, words: str
) -> None:
    ended = train_apart(python(program), tmp_path / "log")
    assert (ended.status, ended.words, ended.stopped) == (status, words, False)


def test_the_cpu_time_of_all_threads_is_counted_and_waiting_is_not(
    tmp_path: Path, python: Callable[[str], list[str]]
) -> None:
    burn = (
        "import hashlib, time, threading, os\n"
        "def burn():\n"
        "    while time.thread_time() < 0.3: hashlib.sha256(bytes(1000000)).digest()\n"
        "threads = [threading.Thread(target=burn) for _ in range(2)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]; time.sleep(0.5)"
    )
    assert 0.6 < train_apart(python(burn), tmp_path / "log").cpu_seconds < 2.0
    assert train_apart(python("import time; time.sleep(0.5)"), tmp_path / "log").cpu_seconds < 0.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_once_and_waited_for(
    tmp_path: Path, python: Callable[[str], list[str]], number: int
) -> None:
    program = (
        "import signal, sys, time\n"
        "def stop(n, f): print('caught', n, flush=True); time.sleep(0.3); sys.exit(130)\n"
        "signal.signal(signal.SIGTERM, stop); print('ready', flush=True); time.sleep(30)"
    )
    log, seen = tmp_path / "log", []

    def interrupt() -> None:
        while not (log.exists() and b"ready" in log.read_bytes()):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    ended = train_apart(python(program), log, lambda: seen.append(1))
    thread.join()
    assert (ended.status, ended.stopped) == (130, True)
    assert log.read_text().split() == ["ready", "caught", str(int(signal.SIGTERM))]
    assert seen


def test_a_terminals_ctrl_c_does_not_reach_the_run_by_itself(
    tmp_path: Path, python: Callable[[str], list[str]]
) -> None:
    ended = train_apart(python("import os; print(os.getsid(0))"), tmp_path / "log")
    assert int(ended.words) != os.getsid(0)


def test_the_real_command_is_what_runs(tmp_path: Path) -> None:
    ended = train_apart(["nonsense"], tmp_path / "log")
    assert ended.status == 2
    assert "invalid choice: 'nonsense'" in ended.words


def test_words_that_are_no_text_are_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe first\n\n training: second\r\n third\n")
    assert last_words(tmp_path / "log") == "second"
