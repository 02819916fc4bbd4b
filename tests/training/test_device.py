import time
from pathlib import Path
from types import SimpleNamespace

import pytest

tf = pytest.importorskip("tensorflow")

from training.device import computes_bfloat16, cost_clock, precision_note  # noqa: E402

pytestmark = pytest.mark.tensorflow

X86 = "processor\t: 0\nmodel name\t: Some\nflags\t\t: fpu avx512f {} sha_ni\n"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A GPU's details, to be filled."""
    details: dict[str, object] = {}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [SimpleNamespace(name="gpu")])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    return details


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("text", "able"),
    [
        (X86.format("avx512_bf16"), True), (X86.format("amx_bf16"), True), (X86.format("avx512_vnni"), False),
        ("Features\t: fp asimd bf16 i8mm\n", True), ("Features\t: fp asimd\n", False),
        (X86.format("").replace("Some", "bf16 avx512_bf16"), False), ("", False), ("\xff", False),
    ],
)  # fmt: skip
def test_a_processor_says_what_it_has(tmp_path: Path, text: str, able: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text, encoding="latin-1")
    assert computes_bfloat16(tmp_path / "cpuinfo") is able


@pytest.mark.usefixtures("no_gpu")
def test_nothing_is_promised_where_nothing_is_known(tmp_path: Path) -> None:
    assert not computes_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(
    ("details", "able"),
    [
        ({"compute_capability": (7, 5)}, False), ({"compute_capability": (8, 0)}, True),
        ({"compute_capability": (9, 0)}, True), ({"compute_capability": (10, 0)}, True), ({}, False),
    ],
)  # fmt: skip
def test_a_gpu_has_it_from_ampere_on(gpu: dict[str, object], details: dict[str, object], able: bool) -> None:
    gpu.update(details)
    assert computes_bfloat16() is able
    assert (precision_note("bfloat16") is None) is able
    assert precision_note("float16") is None


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("able", [True, False])
def test_a_slow_precision_has_a_note(monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    monkeypatch.setattr("training.device.computes_bfloat16", lambda: able)
    assert precision_note("float32") is None
    assert (precision_note("bfloat16") is None) is able
    assert precision_note("float16") == (
        "this device has no instructions for float16: it is computed all the same, but slower than float32"
    )


@pytest.mark.usefixtures("no_gpu")
def test_work_on_the_cpu_is_compared_by_its_own_time() -> None:
    assert cost_clock() is time.process_time


@pytest.mark.usefixtures("gpu")
def test_work_on_a_gpu_is_compared_by_wall_time() -> None:
    assert cost_clock() is time.perf_counter
