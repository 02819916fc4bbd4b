"""A bounded run of the coverage-guided fuzzer on each of our decoders; longer ones by hand (docs/reliability.md)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = {
    "containers": 20_000, "exif": 20_000, "provenance": 20_000, "points": 20_000, "tensors": 20_000,
    "infer_body": 20_000, "uploads": 2_000,
}  # fmt: skip
"""Inputs; Pillow decodes what is left of a picture, which takes ten times as long."""


@pytest.mark.parametrize("name", RUNS)
def test_no_input_surprises_a_decoder(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="Atheris has no wheel for this machine")
    command = [sys.executable, "-m", f"tests.fuzz.{name}", f"-runs={RUNS[name]}", f"-artifact_prefix={tmp_path}/"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert tried is not None, done.stderr[-2000:]
    print(f"{name}: {int(tried[1]):,} inputs")
    assert int(tried[1]) >= RUNS[name]


def test_every_decoder_is_tried() -> None:
    modules = {path.stem for path in Path(__file__).parent.glob("*.py") if "fuzz(load" in path.read_text()}
    assert modules - {"test_guided", "guided"} == set(RUNS)
