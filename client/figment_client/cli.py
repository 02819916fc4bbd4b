"""
The command `figment`: `parser` reads its arguments, `drawing` and `reporting` do what they say.

Exit status: 0 done; 1 a problem, told on standard error; 2 wrong usage; 3 `verify` found another picture;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .client import Figment
from .errors import FigmentError, InvalidArgument
from .parser import build_parser

if TYPE_CHECKING:
    import httpx

DONE, PROBLEM, INTERRUPTED = 0, 1, 130  # and 2, wrong usage, which is argparse's own; 3 is that of `verify`


def main(
    argv: Sequence[str] | None = None,
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """
    Run the command on `argv`, by default the process's own, and return its exit status.

    Wrong usage raises SystemExit(2), as argparse does. `transport` and `sleep` are for tests.
    """
    options = build_parser().parse_args(argv)
    if options.alone is not None:
        options.alone(options)
        return DONE
    try:
        with Figment(options.url, timeout=options.timeout, transport=transport, sleep=sleep) as figment:
            status = options.run(figment, options)
            sys.stdout.flush()
    except InvalidArgument as error:
        options.parser.error(str(error))
    except BrokenPipeError:
        _abandon_stdout()
        return PROBLEM
    except (FigmentError, OSError) as error:
        print(f"figment: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("figment: interrupted", file=sys.stderr)
        return INTERRUPTED
    return DONE if status is None else int(status)


def _abandon_stdout() -> None:
    """The reader of standard output is gone: let the flush at exit go nowhere, instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
