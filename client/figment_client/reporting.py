"""The commands that tell something: models, inspect, verify, open."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from . import requests
from .client import Figment
from .errors import FigmentError
from .inspections import Verification
from .listings import ModelInfo, ModelListing
from .points import ranges_text

DIFFERS = 3
"""The exit status of `figment verify` where the picture is another one."""


def models(figment: Figment, options: argparse.Namespace) -> None:
    """`figment models`: the listing on standard output; what was skipped also on standard error."""
    listing = figment.models()
    if options.json:
        print(json.dumps(dataclasses.asdict(listing), indent=2))
        return
    print(table(listing))
    for bundle in listing.skipped:
        print(f"skipped {bundle.path}: {bundle.reason}", file=sys.stderr)


def inspect(figment: Figment, options: argparse.Namespace) -> None:
    """`figment inspect`: what a picture says of its origin."""
    found = figment.inspect(content_of_argument(options.file))
    if options.json:
        print(json.dumps(dataclasses.asdict(found), indent=2))
        return
    told = dataclasses.asdict(found)
    told["seeds"], told["labels"] = ranges_text(found.seeds), ",".join(map(str, found.labels))
    told["served"] = "yes" if found.served else "no"
    for name, value in told.items():
        if value not in ("", None):
            print(f"{name:<10}{value}")


def verify(figment: Figment, options: argparse.Namespace) -> int:
    """`figment verify`: 0 where the picture is drawn again as it is, 3 where it is not."""
    found = figment.verify(content_of_argument(options.file), tolerance=options.tolerance)
    if options.json:
        print(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        print(verdict(found))
    return 0 if found.same else DIFFERS


def open_page(figment: Figment, options: argparse.Namespace) -> None:
    """`figment open`: the page, showing a point or what a request draws."""
    import webbrowser  # which no other command needs

    url = figment.page_url(_request(options))
    print(url)
    if not options.only_print and not webbrowser.open(url):
        raise FigmentError("no browser could be started")


def verdict(found: Verification) -> str:
    """What a verification found, in a line."""
    model, version = found.inspection.model or "of an unnamed model", found.inspection.version
    origin = f"{model if version is None else f'{model}/{version}'}, {found.inspection.request}"
    if found.compared == "bytes" and found.same:
        return f"the same bytes: {origin}"
    if found.largest_difference is None:
        why = found.reason
    elif found.largest_difference == 0:
        why = "every pixel to the bit"
    else:
        why = f"largest difference {found.largest_difference} of 255, {found.allowed} allowed"
    served = "" if found.same or found.inspection.served else "; the bundle that drew it is not served here"
    return f"{'the same picture' if found.same else 'another picture'}, {why}{served}: {origin}"


def table(listing: ModelListing) -> str:
    """The models as lines of aligned columns under a head; the default one is marked with an asterisk."""
    rows: list[tuple[str, ...]] = [("", "NAME", "VERSION", "IMAGE", "LATENT", "CLASSES", "BATCHES", "LICENSE")]
    rows += [_row(model) for model in listing.models]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def content_of_argument(file: str) -> bytes | str:
    """A file's path, as the client takes it; or the bytes of standard input for `-`."""
    return sys.stdin.buffer.read() if file == "-" else file


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


def _request(options: argparse.Namespace) -> str:
    origin = {name: getattr(options, name) for name in ("label", "model", "version", "truncation")}
    if options.what is None or options.what.startswith("/"):
        return options.what or "/"
    return requests.image(options.what, **origin).target
