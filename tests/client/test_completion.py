"""Completion, in the shells themselves where there are any."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from figment_client.completion import bash_script, fish_script, subcommands
from figment_client.parser import build_parser

COMMANDS = ["completion", "generate", "image", "inspect", "interpolate", "mix", "models", "open", "project"]
COMMANDS += ["variations", "verify"]
BASH = shutil.which("bash")
PATIENCE = 30  # seconds that a busy machine may take

needs_bash = pytest.mark.skipif(BASH is None, reason="bash is not installed")


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def completed(line: str, folder: Path, shell: str = "bash", head: str = "") -> list[str]:
    """What the script offers where the cursor is behind the line."""
    words = line.split(" ")
    script = bash_script(build_parser())
    cursor = f"COMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1}"
    ask = f'{cursor}; _figment; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run([shell, "-c", f"{head}\n{script}\n{ask}"], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return [word for word in done.stdout.split("\n") if word]


@needs_bash
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("figment ", [*COMMANDS, "--help", "--version", "-h"]),
        ("figment i", ["image", "inspect", "interpolate"]),
        ("figment gen", ["generate"]),
        ("figment nothing", []),
        ("figment generate --se", ["--seed", "--seeds"]),
        ("figment generate -n 4 --show-w", ["--show-with"]),
        ("figment generate --format a", ["apng", "avif"]),
        ("figment interpolate --seeds 1,2 --easing ease", ["ease-in", "ease-out"]),
        ("figment interpolate --mode ", ["lerp", "slerp"]),
        ("figment generate --seed ", []),
        ("figment image 7 -o ", ["a face.png", "walk.webp"]),
        ("figment image 7 --output wa", ["walk.webp"]),
        ("figment inspect ", ["a face.png", "walk.webp"]),
        ("figment verify --tolerance 3 wa", ["walk.webp"]),
        ("figment image --sc", ["--scale"]),
        ("figment completion ", ["bash", "fish", "zsh"]),
        ("figment models --j", ["--json"]),
    ],
)
def test_bash_is_offered_what_may_follow(tmp_path: Path, line: str, offered: list[str]) -> None:
    for name in ("a face.png", "walk.webp"):
        (tmp_path / name).touch()
    assert sorted(completed(line, tmp_path)) == sorted(offered)


@needs_bash
def test_the_tab_key_completes_in_an_interactive_bash(tmp_path: Path) -> None:
    (tmp_path / "a face.png").touch()
    (tmp_path / "script").write_text(bash_script(build_parser()))
    terminal = Terminal([str(BASH), "--norc", "--noprofile", "-i"], tmp_path)
    try:
        terminal.type("bind 'set bell-style none'; source ./script; figment() { printf '<%s>' \"$@\"; }\n")
        terminal.type("figment interp\t--ea\tsm\t-o a\t\n")
        assert "<interpolate><--easing><smooth><-o><a face.png>" in terminal.read_until("face.png>")
    finally:
        terminal.close()


class Terminal:
    """A program that takes us for a terminal."""

    def __init__(self, command: list[str], folder: Path) -> None:
        ours, theirs = pty.openpty()
        environment = {"TERM": "dumb", "PATH": os.environ["PATH"], "HOME": str(folder), "PS1": "$ "}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.file = ours

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def read_until(self, text: str) -> str:
        """What is shown, up to the first time the text is, or all within PATIENCE."""
        shown, end = "", time.monotonic() + PATIENCE
        while text not in shown and time.monotonic() < end:
            if select.select([self.file], [], [], 0.1)[0]:
                shown += os.read(self.file, 4096).decode()
        return shown

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.file)


@needs("zsh")
def test_the_tab_key_completes_in_an_interactive_zsh(tmp_path: Path) -> None:
    (tmp_path / "a face.png").touch()
    (tmp_path / "script").write_text(bash_script(build_parser(), zsh=True))
    terminal = Terminal(["zsh", "--no-rcs", "-i"], tmp_path)
    try:
        terminal.type("unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u; source ./script\n")
        terminal.type("figment() { printf '<%s>' \"$@\"; }; echo rea''dy\n")
        assert "ready" in terminal.read_until("ready")
        terminal.type("figment interp\t--ea\tsm\t-o a\t\n")
        assert "<interpolate><--easing><smooth><-o><a face.png>" in terminal.read_until("face.png>")
    finally:
        terminal.close()


@needs("fish")
@pytest.mark.parametrize(
    ("line", "offered"), [("figment gen", ["generate"]), ("figment mix --resample l", ["lanczos"])]
)
def test_fish_is_offered_the_same(tmp_path: Path, line: str, offered: list[str]) -> None:
    (tmp_path / "figment.fish").write_text(fish_script(build_parser()))
    ask = f"source figment.fish; complete -C '{line}'"
    done = subprocess.run(["fish", "--no-config", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [word.partition("\t")[0] for word in done.stdout.splitlines()] == offered


def test_every_option_of_every_command_is_in_every_script() -> None:
    parser = build_parser()
    bash, zsh, fish = bash_script(parser), bash_script(parser, zsh=True), fish_script(parser)
    assert "bashcompinit" in zsh
    assert sorted(subcommands(parser)) == COMMANDS
    for name, command in subcommands(parser).items():
        line = next(line for line in bash.splitlines() if line.strip().startswith(f"{name})"))
        assert line in zsh
        for option in (option for action in command._actions for option in action.option_strings):
            assert option in line
            flag = f"-s {option[1:]} " if len(option) == 2 else f"-l {option[2:]} "
            assert any(f"seen_subcommand_from {name}'" in each and flag in each for each in fish.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_prints_the_script_and_asks_nobody(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    from figment_client import cli

    assert cli.main(["completion", shell]) == 0
    assert capsys.readouterr().out.startswith("# Completes the arguments of figment")
