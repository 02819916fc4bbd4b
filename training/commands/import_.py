"""`import`: make a bundle of a generator that something else has trained."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.arguments import model_name, text, version
from training.errors import Failed

if TYPE_CHECKING:
    from training.importing.questions import Ask, Question

ABOUT = "make a bundle of a foreign SavedModel or Keras file"
UNSTATED = "not stated"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="SAVEDMODEL", help="a SavedModel's folder, or a .keras or .h5 file")
    parser.add_argument("--name", type=model_name, required=True, help="the model's name in the store")
    parser.add_argument("--version", type=version, help="its version (default: one above the highest)")
    parser.add_argument("--models", type=Path, default=Path("models"), help="the store (default: %(default)s)")
    found = parser.add_argument_group("what is found by running it, or asked")
    found.add_argument("--signature", help="the signature that draws images")
    found.add_argument("--input", help="which of its inputs takes the latents")
    found.add_argument("--output", help="which of its outputs is the images")
    found.add_argument("--latent-dim", type=_size, help="numbers a latent, where the file does not say")
    found.add_argument("--layout", choices=("nhwc", "nchw"), help="channels last, or first")
    found.add_argument("--range", choices=("-1..1", "0..1", "0..255"), help="of the images' values (--range=-1..1)")
    found.add_argument(
        "--fix", type=_pair, action="append", default=[], metavar="INPUT=VALUE",
        help="the value of another input for every image, such as label=3",
    )  # fmt: skip
    parser.add_argument(
        "--trust", action="store_true", help="accept operations that reach files: the graph runs as you"
    )
    parser.add_argument("--data", type=text, default=UNSTATED, help="what it was trained on, for the model card")
    parser.add_argument("--license", type=text, default=UNSTATED, help="the data's licence")
    parser.add_argument("--attribution", type=text, default=UNSTATED, help="whom the data's licence asks to name")
    parser.set_defaults(run=run_import)


def run_import(options: argparse.Namespace) -> int:
    """Write a bundle."""
    from training.importing.finding import Choices
    from training.importing.publishing import Origin, import_generator

    if twice := sorted({name for name, _ in options.fix if [n for n, _ in options.fix].count(name) > 1}):
        raise Failed(f"--fix {twice[0]} is given more than once")
    choices = Choices(
        options.signature, options.input, options.output, options.latent_dim, options.layout, options.range,
        dict(options.fix),
    )  # fmt: skip
    origin = Origin(options.data, options.license, options.attribution)
    bundle = import_generator(
        options.path, options.models, options.name, options.version, origin, choices, asker(), options.trust
    )
    image = bundle.manifest.image
    print(f"{bundle.path}: {image.width} × {image.height} px, {image.channels} channels, {bundle.digest}")
    return 0


def asker() -> "Ask":
    """Asks the person at the terminal; where there is none, a question is an error."""
    from training.importing.questions import refuse_to_guess

    return ask_person if sys.stdin.isatty() else refuse_to_guess


def ask_person(question: "Question") -> str:
    """Put a question to the person at the terminal, again until the answer is one of the answers.

    Raises:
        Failed: the person ends the input instead.
    """
    answers = f" [{', '.join(question.answers)}]" if question.answers else ""
    while True:
        try:
            answer = input(f"{question.text} ({question.flag}){answers}: ").strip()
        except EOFError:
            raise Failed(f"no answer; say it with {question.flag}") from None
        if answer and (not question.answers or answer in question.answers):
            return answer


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no size of a latent: a whole number 1 … 65536")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not INPUT=VALUE")
    return name, value
