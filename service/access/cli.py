"""The command `python -m service.access new NAME`: a token, and the lines for the file of keys."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from service.access.keys import SCOPES, Key, hash_of, new_token


def main(argv: Sequence[str] | None = None) -> int:
    """Print a new token and its lines for the file; returns the exit status. Wrong usage is SystemExit(2)."""
    parser = build_parser()
    options = parser.parse_args(argv)
    token = new_token()
    given = {"name": options.name, "scopes": options.scope, "rate": options.rate, "expires": _end(options.days)}
    try:
        key = Key.model_validate(given | {"sha256": hash_of(token)})
    except ValidationError as error:
        parser.error("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors()))
    print(f"The key, shown this once; its user keeps it secret and sends it as `Authorization: Bearer`:\n\n{token}\n")
    print(f"For the file of FIGMENT_KEYS, which is read again when it changes:\n\n{lines_of(key)}", end="")
    return 0


def lines_of(key: Key) -> str:
    """The lines of TOML that are a key."""
    scopes = ", ".join(f'"{scope}"' for scope in SCOPES if scope in key.scopes)
    lines = ["[[key]]", f'name = "{key.name}"', f'sha256 = "{key.sha256}"', f"scopes = [{scopes}]"]
    if key.rate is not None:
        lines.append(f'rate = "{key.rate.text}"')
    if key.expires is not None:
        lines.append(f"expires = {key.expires:%Y-%m-%dT%H:%M:%SZ}")
    return "\n".join(lines) + "\n"


def _end(days: int | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(prog="python -m service.access", description="Keys for the service.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="make a key", description="Make a key; nothing is written anywhere.")
    new.add_argument("name", help="whose it is: letters, digits, dots and hyphens")
    may = "what it may do; give it again for more: generate (pictures, models), project, admin (metrics)"
    new.add_argument("--scope", action="append", choices=SCOPES, required=True, help=may)
    new.add_argument("--rate", help="images it may have, such as 600/minute (default: FIGMENT_RATE)")
    new.add_argument("--days", type=_days, help="days until it ends (default: never)")
    return parser


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 36_500):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 1 … 36500")
    return int(text)
