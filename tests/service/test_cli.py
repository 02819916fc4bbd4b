import socket
import sys
from pathlib import Path

import pytest

from service import cli
from service.engine.protocol import EngineError
from service.settings import Settings

WRONG = [
    ("PORT", "http"),
    ("PORT", "70000"),
    ("DEVICE", "tpu"),
    ("MAX_BATCH", "0"),
    ("DEADLINE", "soon"),
    ("QUEUE", "1"),
]


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["service"])
    monkeypatch.setattr("logging.config.dictConfig", lambda config: None)
    monkeypatch.setenv("FIGMENT_MODELS", str(tmp_path))


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"FIGMENT_{name}", value)
    assert cli.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"figment: FIGMENT_{name}='{value}': Input should be ")


def test_every_wrong_setting_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in WRONG[1:]:
        monkeypatch.setenv(f"FIGMENT_{name}", value)
    assert cli.main() == 2
    assert len(capsys.readouterr().err.splitlines()) == len(WRONG[1:])


def test_a_device_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise EngineError("FIGMENT_DEVICE=gpu, but there is none")

    monkeypatch.setattr(cli, "create_app", refuse)
    assert cli.main() == 1
    assert capsys.readouterr().err == "figment: FIGMENT_DEVICE=gpu, but there is none\n"


def test_packages_that_traces_need_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.app.tensorflow_loader", lambda settings, startup: lambda bundle: None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    monkeypatch.setenv("FIGMENT_TRACES", "http://collector:4318/v1/traces")
    assert cli.main() == 1
    assert "FIGMENT_TRACES=http://collector:4318/v1/traces needs the packages of requirements/otel.txt" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "no.such.host.invalid", "256.1.1.1"])
def test_an_address_that_cannot_be_had_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setattr("service.app.tensorflow_loader", lambda settings, startup: lambda bundle: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("FIGMENT_PORT", str(port))
        monkeypatch.setenv("FIGMENT_HOST", host)
        assert cli.main() == 1
    assert capsys.readouterr().err.startswith(f"figment: cannot listen on FIGMENT_HOST={host} FIGMENT_PORT={port}: ")


@pytest.mark.parametrize("argument", ["--port=9000", "serve", "-v"])
def test_an_argument_is_refused_and_not_ignored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    monkeypatch.setattr("sys.argv", ["service", argument])
    with pytest.raises(SystemExit) as refused:
        cli.main()
    assert refused.value.code == 2
    assert argument in capsys.readouterr().err


def test_help_names_every_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["service", "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"FIGMENT_{name.upper()}=" in text
