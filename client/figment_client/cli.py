"""
The command `figment`: generate, interpolate, image, models.

Exit status: 0 done; 1 a problem, told on standard error; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import httpx

from .client import Figment
from .errors import FigmentError, InvalidArgument
from .formats import FORMATS, PNG, format_of_path
from .listings import ModelInfo, ModelListing
from .pictures import Picture
from .settings import DEFAULT_TIMEOUT_S, DEFAULT_URL, URL_VARIABLE
from .version import __version__

STDOUT = "-"
DONE, PROBLEM, INTERRUPTED = 0, 1, 130  # and 2, wrong usage, which is argparse's own


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
    parser = build_parser()
    options = parser.parse_args(argv)
    try:
        with Figment(options.url, timeout=options.timeout, transport=transport, sleep=sleep) as figment:
            options.run(figment, options)
            sys.stdout.flush()
    except InvalidArgument as error:
        parser.error(str(error))
    except BrokenPipeError:
        _abandon_stdout()
        return PROBLEM
    except (FigmentError, OSError) as error:
        print(f"figment: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("figment: interrupted", file=sys.stderr)
        return INTERRUPTED
    return DONE


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command's arguments; each subcommand sets `run`, a function (figment, options)."""
    parser = argparse.ArgumentParser(prog="figment", description="Ask a Figment service for images.")
    parser.add_argument("--version", action="version", version=f"figment-client {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    server, drawing = _server_options(), _drawing_options()
    add = partial(_add_command, commands)
    _generate_options(add("generate", "draw a grid of images", generate, server, drawing))
    _interpolate_options(add("interpolate", "walk from seed to seed", interpolate, server, drawing))
    add("image", "draw the image of one seed", image, server, drawing).add_argument(
        "seed", help="a number from 0 to 4294967295, or any words"
    )
    add("models", "list the models that are served", models, server).add_argument(
        "--json", action="store_true", help="as JSON, with all that is known"
    )
    return parser


def _server_options() -> argparse.ArgumentParser:
    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--url", help=f"address of the service (default: ${URL_VARIABLE}, else {DEFAULT_URL})")
    server.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="longest wait for an answer (default: %(default)g)",
    )
    return server


def _drawing_options() -> argparse.ArgumentParser:
    drawing = argparse.ArgumentParser(add_help=False)
    drawing.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write; - is stdout")
    drawing.add_argument(
        "--label", metavar="CLASS", help="draw this class, by name or index (default: each seed's own)"
    )
    drawing.add_argument("--model", metavar="NAME", help="one of those 'figment models' lists")
    drawing.add_argument("--truncation", type=float, metavar="PSI", help="from 0 to 2: less is more alike")
    return drawing


def _generate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", type=int, metavar="COUNT", help="number of images, 1 to 64 (default: 1)")
    parser.add_argument("--seed", help="that of the first image: a number from 0 to 4294967295, or any words")
    parser.add_argument("--columns", type=int, help="columns of the grid (default: nearest to a square)")


def _interpolate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", metavar="A,B,...", help="two to sixteen seeds (default: two at random)")
    parser.add_argument("--frames", type=int, help="frames of the whole walk, 2 to 120")
    parser.add_argument("--mode", choices=("slerp", "lerp"), help="along an arc or a line")
    parser.add_argument("--loop", action="store_const", const=True, help="come back to the first seed")
    parser.add_argument("--format", choices=[each.name for each in FORMATS], help="default: as the ending of -o says")
    parser.add_argument("--columns", type=int, help="columns of the picture (png)")
    parser.add_argument("--fps", type=int, help="frames a second, 1 to 50 (webp, gif)")


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    run: Callable[[Figment, argparse.Namespace], None],
    *parents: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.", parents=parents)
    parser.set_defaults(run=run)
    return parser


def generate(figment: Figment, options: argparse.Namespace) -> None:
    """`figment generate`."""
    _check_output(options.output, PNG.name)
    picture = figment.generate(
        options.n,
        seed=options.seed,
        columns=options.columns,
        truncation=options.truncation,
        label=options.label,
        model=options.model,
    )
    _deliver(figment, picture, options.output)


def interpolate(figment: Figment, options: argparse.Namespace) -> None:
    """`figment interpolate`."""
    ending = format_of_path(options.output)
    format_name = options.format or (ending.name if ending else None)
    _check_output(options.output, format_name or PNG.name)
    picture = figment.interpolate(
        None if options.seeds is None else options.seeds.split(","),
        frames=options.frames,
        mode=options.mode,
        loop=options.loop,
        format=format_name,
        columns=options.columns,
        fps=options.fps,
        truncation=options.truncation,
        label=options.label,
        model=options.model,
    )
    _deliver(figment, picture, options.output)


def image(figment: Figment, options: argparse.Namespace) -> None:
    """`figment image`."""
    _check_output(options.output, PNG.name)
    picture = figment.image(options.seed, truncation=options.truncation, label=options.label, model=options.model)
    _deliver(figment, picture, options.output)


def models(figment: Figment, options: argparse.Namespace) -> None:
    """`figment models`: the listing on standard output; what was skipped also on standard error."""
    listing = figment.models()
    if options.json:
        print(json.dumps(dataclasses.asdict(listing), indent=2))
        return
    print(table(listing))
    for bundle in listing.skipped:
        print(f"skipped {bundle.path}: {bundle.reason}", file=sys.stderr)


def table(listing: ModelListing) -> str:
    """The models as lines of aligned columns under a head; the default one is marked with an asterisk."""
    rows: list[tuple[str, ...]] = [("", "NAME", "VERSION", "IMAGE", "LATENT", "CLASSES", "BATCHES", "LICENSE")]
    rows += [_row(model) for model in listing.models]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(model: ModelInfo) -> tuple[str, ...]:
    return (
        "*" if model.default else "",
        model.name,
        str(model.version),
        "x".join(map(str, model.image_shape)),
        str(model.latent_dim),
        str(len(model.class_names)),
        ",".join(map(str, model.batch_sizes)),
        model.license,
    )


def _check_output(output: str, format_name: str) -> None:
    """Refuse, before anything is drawn, an output that could not take the format."""
    if output == STDOUT:
        if sys.stdout.isatty():
            raise InvalidArgument("-o -: standard output is a terminal; redirect it, or name a file")
        return
    ending = format_of_path(output)
    if ending is None or ending.name != format_name:
        raise InvalidArgument(f"-o {output}: the picture will be {format_name}, so .{format_name} is needed")


def _deliver(figment: Figment, picture: Picture, output: str) -> None:
    if output == STDOUT:
        sys.stdout.buffer.write(picture.content)
    else:
        picture.save(output)
    seeds = picture.seeds if picture.seed is None else (picture.seed,)
    print("seed" if len(seeds) == 1 else "seeds", ",".join(map(str, seeds)), file=sys.stderr)
    if picture.labels:
        print("label" if len(picture.labels) == 1 else "labels", ",".join(map(str, picture.labels)), file=sys.stderr)
    print("model", f"{picture.model}/{picture.version}", file=sys.stderr)
    print("replay", figment.replay_url(picture), file=sys.stderr)


def _abandon_stdout() -> None:
    """The reader of standard output is gone: let the flush at exit go nowhere, instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
