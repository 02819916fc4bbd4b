"""The command: `python -m training COMMAND`; each command is a module of `training/commands/`."""

import argparse
import importlib
import keyword
from collections.abc import Sequence

from bundle.environment import prepare_tensorflow
from bundle.errors import BundleError
from training.commands.console import complain
from training.errors import Failed
from training.recipe import RecipeError
from training.run import RunError
from training.source import DataError

COMMANDS = ("doctor", "fit", "resume", "report", "evaluate", "export", "recipes", "compare", "import", "lab")
"""In the order of --help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status.

    0 done, 1 failed, 2 wrong usage, 75 another worker is gone and all should be started again, 130 interrupted.
    """
    options = parser().parse_args(arguments)
    prepare_tensorflow()
    try:
        status: int = options.run(options)
        return status
    except (DataError, RecipeError, RunError, BundleError, Failed) as error:
        complain(str(error))
        return 1
    except OSError as error:
        complain(f"{type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    top = argparse.ArgumentParser("python -m training", description="Train a GAN on a folder of images.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = importlib.import_module("training.commands." + (f"{name}_" if keyword.iskeyword(name) else name))
        command.add(commands.add_parser(name, help=command.ABOUT, description=command.__doc__))
    return top
