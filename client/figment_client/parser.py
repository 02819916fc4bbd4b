"""The arguments of the command `figment`: what there is, and which function does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

from . import completion, drawing, reporting, terminal
from .client import Figment
from .formats import FORMATS
from .settings import DEFAULT_TIMEOUT_S, DEFAULT_URL, URL_VARIABLE
from .version import __version__

EPILOG = """exit status: 0 done; 1 a problem, told on standard error; 2 wrong usage; 3 'verify' found another picture;
130 interrupted"""

POINT_HELP = "a number from 0 to 4294967295, any words, or a latent, z:..."
FILE = "FILE"
"""The metavar of arguments that are files: completion offers those."""

Parser = argparse.ArgumentParser
Run = Callable[[Figment, argparse.Namespace], int | None]


def build_parser() -> Parser:
    """The parser of the command's arguments; each subcommand sets `run`, a function (figment, options).

    One that asks no service, and so needs no client, sets `alone`, a function (options).
    """
    parser = Parser(prog="figment", description="Ask a Figment service for images.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"figment-client {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    server, origin = _server_options(), _origin_options()
    still = (server, origin, _output_options(), _format_options(), _scale_options())
    grid = (*still, _grid_options())
    add = partial(_add_command, commands)
    _generate_options(add("generate", "draw a grid of images", drawing.generate, *grid))
    _image_options(add("image", "draw the image of one point, or of many, each into a file", drawing.image, *still))
    _interpolate_options(add("interpolate", "walk from point to point", drawing.interpolate, *grid))
    _variations_options(add("variations", "draw neighbours of a point", drawing.variations, *grid))
    _mix_options(add("mix", "draw the sum of points", drawing.mix, *still))
    _project_options(add("project", "search for the point of a picture", drawing.project, server))
    _models_options(add("models", "list the models that are served", reporting.models, server))
    _file_options(add("inspect", "say what a picture tells of its origin", reporting.inspect, server), json=True)
    _verify_options(add("verify", "draw a picture again, and compare", reporting.verify, server))
    _open_options(add("open", "open the service's page in a browser", reporting.open_page, server, origin))
    completing = add("completion", "print a script that completes this command's arguments", None)
    completing.add_argument("shell", choices=completion.SHELLS, help="the shell that is to read it")
    completing.set_defaults(alone=partial(completion.write, parser))
    parser.set_defaults(alone=None)
    return parser


def _server_options() -> Parser:
    server = Parser(add_help=False)
    server.add_argument("--url", help=f"address of the service (default: ${URL_VARIABLE}, else {DEFAULT_URL})")
    server.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="longest wait for an answer (default: %(default)g)",
    )
    return server


def _origin_options() -> Parser:
    origin = Parser(add_help=False)
    origin.add_argument("--label", metavar="CLASS", help="draw this class, by name or index (default: each seed's own)")
    origin.add_argument("--model", metavar="NAME", help="one of those 'figment models' lists")
    origin.add_argument("--version", type=int, metavar="N", help="of the model (default: the newest good one)")
    origin.add_argument("--truncation", type=float, metavar="PSI", help="from 0 to 2: less is more alike")
    return origin


def _output_options() -> Parser:
    output = Parser(add_help=False)
    output.add_argument("-o", "--output", metavar=FILE, help="file to write; - is stdout; its ending says the format")
    output.add_argument("--show", action="store_true", help="show the picture in the terminal, if it can")
    output.add_argument(
        "--show-with", choices=terminal.PROTOCOLS, help="show it by this protocol, whatever is detected"
    )
    return output


def _format_options() -> Parser:
    writing = Parser(add_help=False)
    writing.add_argument("--format", choices=[each.name for each in FORMATS], help="default: as the ending of -o says")
    writing.add_argument("--quality", type=int, help="1 to 100 (webp, jpeg, avif)")
    writing.add_argument("--lossless", action="store_const", const=True, help="without any loss (webp)")
    return writing


def _scale_options() -> Parser:
    scaling = Parser(add_help=False)
    scaling.add_argument("--scale", type=float, metavar="FACTOR", help="size of an image, 0.25 to 8 (default: 1)")
    scaling.add_argument("--resample", choices=("nearest", "lanczos"), help="how it is scaled (default: nearest)")
    return scaling


def _grid_options() -> Parser:
    grid = Parser(add_help=False)
    grid.add_argument("--columns", type=int, help="columns of the grid (default: nearest to a square)")
    grid.add_argument("--padding", type=int, metavar="PIXELS", help="between images, 0 to 64 (default: 0)")
    grid.add_argument("--background", metavar="COLOUR", help="of the padding: ffffff, a name, transparent")
    return grid


def _generate_options(parser: Parser) -> None:
    parser.add_argument("-n", type=int, metavar="COUNT", help="number of images, 1 to 64 (default: 1)")
    parser.add_argument("--seed", metavar="POINT", help=f"that of the first image: {POINT_HELP}")
    parser.add_argument("--seeds", metavar="A,B-C,...", help="one point an image; B-C are all numbers from B to C")
    parser.add_argument("--labels", metavar="A,B,...", help="a class for each image")


def _image_options(parser: Parser) -> None:
    parser.add_argument("points", nargs="+", metavar="POINT", help=f"{POINT_HELP}; or A-B, all numbers from A to B")


def _interpolate_options(parser: Parser) -> None:
    parser.add_argument("--seeds", metavar="A,B,...", help="two to sixteen points (default: two at random)")
    parser.add_argument("--frames", type=int, help="frames of a segment, 2 to 240")
    parser.add_argument("--mode", choices=("slerp", "lerp"), help="along an arc or a line")
    parser.add_argument("--easing", choices=("linear", "smooth", "ease-in", "ease-out"), help="of each segment")
    parser.add_argument("--loop", action="store_const", const=True, help="come back to the first point")
    parser.add_argument("--fps", type=int, help="frames a second, 1 to 50")
    parser.add_argument("-t", type=float, metavar="PART", help="one frame, this far along the walk, 0 to 1")
    parser.add_argument("--shape", metavar="8x8", help="a lattice between four points, columns x rows")


def _variations_options(parser: Parser) -> None:
    parser.add_argument("seed", nargs="?", metavar="POINT", help=f"{POINT_HELP} (default: at random)")
    parser.add_argument("-n", type=int, metavar="COUNT", help="number of images, 1 to 64")
    parser.add_argument("--distance", type=float, help="from the point, 0 to 2 (default: 0.5)")
    parser.add_argument("--noise", type=int, metavar="SEED", help="that of the first direction (default: at random)")


def _mix_options(parser: Parser) -> None:
    parser.add_argument("seeds", nargs="+", metavar="POINT", help=POINT_HELP)
    parser.add_argument(
        "--weights", metavar="A,B,...", help="one a point, -4 to 4: --weights=-1,2 (default: all alike)"
    )
    parser.add_argument(
        "--no-rescale", action="store_const", const=False, dest="rescale", help="leave the sum's length"
    )


def _project_options(parser: Parser) -> None:
    _file_options(parser)
    parser.add_argument("-o", "--output", metavar=FILE, help="PNG to write of what was found; - is stdout")
    parser.add_argument("--steps", type=int, help="1 to 1000 (default: 200)")
    parser.add_argument("--seconds", type=float, help="longest search")
    parser.add_argument("--seed", type=int, help="of the points it starts from")
    parser.add_argument("--model", metavar="NAME", help="one of those 'figment models' lists")
    parser.add_argument("--version", type=int, metavar="N", help="of the model (default: the newest good one)")


def _models_options(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, with all that is known")


def _file_options(parser: Parser, *, json: bool = False) -> None:
    parser.add_argument("file", metavar=FILE, help="a picture; - is standard input")
    if json:
        parser.add_argument("--json", action="store_true", help="as JSON")


def _verify_options(parser: Parser) -> None:
    _file_options(parser, json=True)
    parser.add_argument("--tolerance", type=int, metavar="LEVELS", help="largest difference of a channel, 0 to 255")


def _open_options(parser: Parser) -> None:
    parser.add_argument("what", nargs="?", metavar="POINT", help=f"{POINT_HELP}; or a request, /generate?seed=7")
    parser.add_argument("--print", action="store_true", dest="only_print", help="print the address instead")


def _add_command(
    commands: argparse._SubParsersAction[Parser], name: str, purpose: str, run: Run | None, *parents: Parser
) -> Parser:
    parser = commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.", parents=parents)
    parser.set_defaults(run=run, parser=parser)
    return parser
