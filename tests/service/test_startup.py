import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service import startup
from service.startup import Startup, process_age, without


def test_the_parts_and_what_is_left_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "process_age", lambda: 5.25)
    told = Startup({"TensorFlow": 3.1, "the models": 1.4})
    assert told.text() == "5.2 s: Python and the service itself 0.8, TensorFlow 3.1, the models 1.4"


def test_without_linux_only_what_was_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "process_age", lambda: None)
    assert Startup({"the models": 1.4}).text() == "1.4 s: the models 1.4"


def test_a_part_is_measured_even_if_it_fails() -> None:
    told = Startup()
    with pytest.raises(ZeroDivisionError), told.part("x"):
        1 / 0  # noqa: B018
    assert 0 <= told.parts["x"] < 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux alone says when a process began")
def test_the_age_of_a_process() -> None:
    code = "from service.startup import without, process_age; import time; time.sleep(0.3); print(process_age())"
    begin = time.perf_counter()
    age = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0.3 <= age <= time.perf_counter() - begin + 0.05


@pytest.mark.parametrize("text", ["", "1 (x", "1 (a) b) S " + "x " * 30])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text)
    assert process_age(tmp_path / "stat") is None
    assert process_age(tmp_path / "missing") is None
    assert re.fullmatch(r"[\d.]+ s: .*", Startup({"x": 1.0}).text())


def test_a_package_can_be_left_out_of_what_is_imported() -> None:
    import importlib.util
    import sys

    name = "this"  # of the standard library, and imported by nobody
    with without(name):
        assert importlib.util.find_spec(name) is None
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert name not in sys.modules
    assert importlib.util.find_spec(name) is not None


def test_a_package_that_is_imported_already_stays() -> None:
    import sys

    module = sys.modules["pytest"]
    with without("pytest"):
        assert sys.modules["pytest"] is module
    assert sys.modules["pytest"] is module


@pytest.mark.tensorflow
def test_the_service_imports_no_keras() -> None:
    import subprocess
    import sys

    code = """
import sys
from pathlib import Path
from bundle.store import Store
from service.app import create_app
from service.settings import Settings
create_app(Settings(), Store(Path("models")))
assert "tensorflow" in sys.modules
assert not [name for name in sys.modules if name.split(".")[0] in ("keras", "matplotlib")]
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
