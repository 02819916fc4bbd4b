"""Words to the person at the terminal."""

import sys
from pathlib import Path


def complain(text: str) -> None:
    """Say on the standard error stream what went wrong."""
    print(f"training: {text}", file=sys.stderr)


def python() -> str:
    """The interpreter that runs this, as it can be typed here."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
