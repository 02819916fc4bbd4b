"""`python -m service.access new` makes what the service takes."""

import re
from pathlib import Path

import pytest

from service.access.cli import main
from service.access.keys import find, read_keys


def test_the_printed_lines_are_a_file_with_the_printed_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["new", "alice", "--scope", "project", "--scope", "generate", "--rate", "600/minute", "--days", "9"]) == 0
    )
    printed = capsys.readouterr().out
    (token,) = re.findall(r"^figment_\S+$", printed, re.MULTILINE)
    path = tmp_path / "keys.toml"
    path.write_text(printed[printed.index("[[key]]") :])
    path.chmod(0o600)
    keys = read_keys(path)
    key = find(token, keys)
    assert key == keys[0]
    assert (key.name, key.scopes, str(key.rate)) == ("alice", {"generate", "project"}, "600/minute")
    assert key.expires is not None
    assert token not in path.read_text()


def test_two_keys_differ(capsys: pytest.CaptureFixture[str]) -> None:
    main(["new", "a", "--scope", "admin"])
    main(["new", "a", "--scope", "admin"])
    assert len(set(re.findall(r"figment_\S+", capsys.readouterr().out))) == 2


@pytest.mark.parametrize(
    "arguments",
    [[], ["new"], ["new", "a"], ["new", "a b", "--scope", "admin"], ["new", "a", "--scope", "root"],
     ["new", "a", "--scope", "admin", "--rate", "much"], ["new", "a", "--scope", "admin", "--days", "0"]],
)  # fmt: skip
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert "python -m service.access" in captured.err
    assert "figment_" not in captured.out
