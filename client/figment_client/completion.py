"""Scripts that complete the command's arguments in bash, zsh and fish, made from its parser."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
FILE = "FILE"  # the metavar of arguments that are files

BASH = """\
# Completes the arguments of {prog}. In ~/.bashrc: source <({prog} completion bash)
_figment_reply() {{
    local IFS=$'\\n'
    COMPREPLY=( $(compgen "$@" -- "$current") )
}}
_figment() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" command="" word
    for word in "${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}"; do
        case "$word" in {commands}) command="$word"; break ;; esac
    done
    COMPREPLY=()
    case "$command $previous" in
{values}
    esac
    case "$command" in
{words}
    esac
}}
complete -F _figment {prog}
"""

ZSH = """\
# Completes the arguments of {prog} in zsh, as bash does. In ~/.zshrc, after compinit: source <({prog} completion zsh)
autoload -U +X bashcompinit && bashcompinit
"""


def write(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """`figment completion`: the script of `options.shell`, one of `SHELLS`, on standard output."""
    sys.stdout.write(
        fish_script(parser) if options.shell == "fish" else bash_script(parser, zsh=options.shell == "zsh")
    )


def bash_script(parser: argparse.ArgumentParser, *, zsh: bool = False) -> str:
    """The script for bash, from version 3.2 on; zsh reads it too, with what it has for such scripts."""
    commands = subcommands(parser)
    values = [line for name, command in commands.items() for line in _bash_values(name, command)]
    words = [_bash_words(name, command) for name, command in commands.items()]
    words.append(f"        *) _figment_reply -W {_lines([*commands, *_options(parser)])} ;;")
    script = BASH.format(
        prog=parser.prog, commands="|".join(commands), values="\n".join(values), words="\n".join(words)
    )
    return (ZSH.format(prog=parser.prog) if zsh else "") + script


def fish_script(parser: argparse.ArgumentParser) -> str:
    """The script for fish."""
    lines = [f"# Completes the arguments of {parser.prog}. Save as ~/.config/fish/completions/{parser.prog}.fish"]
    lines.append(f"complete -c {parser.prog} -f")
    for name, command in subcommands(parser).items():
        purpose = shlex.quote((command.description or "").rstrip("."))
        lines.append(f"complete -c {parser.prog} -n __fish_use_subcommand -a {name} -d {purpose}")
        lines += [
            f"complete -c {parser.prog} -n '__fish_seen_subcommand_from {name}' {arguments}"
            for arguments in _fish_arguments(command)
        ]
    return "\n".join(lines) + "\n"


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a parser's subcommands, by name."""
    found = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _positional(parser: argparse.ArgumentParser) -> argparse.Action | None:
    return next((action for action in parser._actions if not action.option_strings), None)


def _bash_values(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """After an option that takes a value: its choices, files, or nothing, as it could be anything."""
    for action in parser._actions:
        if action.option_strings and action.nargs != 0:
            pattern = "|".join(f'"{name} {option}"' for option in action.option_strings)
            yield f"        {pattern}) {_bash_reply(action)}return ;;"


def _bash_words(name: str, parser: argparse.ArgumentParser) -> str:
    """Where an argument begins: options, and what the first positional argument may be."""
    options = f"_figment_reply -W {_lines(_options(parser))}"
    positional = _positional(parser)
    other = "" if positional is None else _bash_reply(positional).rstrip("; ")
    if not other:
        return f"        {name}) {options} ;;"
    return f'        {name}) case "$current" in -*) {options} ;; *) {other} ;; esac ;;'


def _bash_reply(action: argparse.Action) -> str:
    if action.choices:
        return f"_figment_reply -W {_lines(action.choices)}; "
    return "compopt -o filenames 2>/dev/null; _figment_reply -f; " if action.metavar == FILE else ""


def _lines(words: object) -> str:
    """Words as one argument of bash, a line each."""
    return "$'" + "\\n".join(str(word) for word in words) + "'"  # type: ignore[attr-defined]  # any iterable


def _fish_arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        names = [f"-s {o[1:]}" if len(o) == 2 else f"-l {o[2:]}" for o in action.option_strings]
        if action.choices:
            names.append(f"-x -a {shlex.quote(' '.join(map(str, action.choices)))}")
        elif action.metavar == FILE:
            names.append("-r -F" if action.option_strings else "-F")
        elif action.option_strings and action.nargs != 0:
            names.append("-x")
        elif not action.option_strings:
            continue
        text = (action.help or "") % {"default": action.default}
        yield f"{' '.join(names)} -d {shlex.quote(text)}"
