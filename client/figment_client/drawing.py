"""The commands that draw: each asks for one picture, and `delivery` writes or shows it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from .client import Figment
from .delivery import STDOUT, Delivery, print_origin
from .errors import InvalidArgument
from .formats import format_of_path
from .pictures import Picture
from .points import range_of
from .progress import Bar
from .reporting import content_of_argument

ORIGIN = ("label", "model", "version", "truncation")
STILL = (*ORIGIN, "format", "quality", "lossless", "scale", "resample")
GRID = (*STILL, "columns", "padding", "background")


def generate(figment: Figment, options: argparse.Namespace) -> None:
    """`figment generate`."""
    delivery = Delivery(figment, options)
    labels = None if options.labels is None else options.labels.split(",")
    what = {"seed": options.seed, "seeds": options.seeds, "labels": labels, **_chosen(options, GRID)}
    delivery.deliver(figment.generate(options.n, **delivery.destined(what)))


def image(figment: Figment, options: argparse.Namespace) -> None:
    """`figment image`: one point into a file, or any number into a folder."""
    ranges = [range_of(text) for text in options.points]
    if len(ranges) > 1 or ranges[0] is not None:
        _many(figment, options, ranges)
        return
    delivery = Delivery(figment, options)
    delivery.deliver(figment.image(options.points[0], **delivery.destined(_chosen(options, STILL))))


def interpolate(figment: Figment, options: argparse.Namespace) -> None:
    """`figment interpolate`."""
    delivery = Delivery(figment, options)
    seeds = None if options.seeds is None else options.seeds.split(",")
    walk = _chosen(options, ("frames", "mode", "easing", "loop", "fps", "t", "shape", *GRID))
    delivery.deliver(figment.interpolate(seeds, **delivery.destined(walk)))


def variations(figment: Figment, options: argparse.Namespace) -> None:
    """`figment variations`."""
    delivery = Delivery(figment, options)
    chosen = _chosen(options, ("distance", "noise", *GRID))
    delivery.deliver(figment.variations(options.seed, options.n, **delivery.destined(chosen)))


def mix(figment: Figment, options: argparse.Namespace) -> None:
    """`figment mix`."""
    delivery = Delivery(figment, options)
    chosen = _chosen(options, ("rescale", *STILL))
    weights = None if options.weights is None else _numbers(options.weights)
    delivery.deliver(figment.mix(options.seeds, weights, **delivery.destined(chosen)))


def project(figment: Figment, options: argparse.Namespace) -> None:
    """`figment project`: the point on standard output; how far the search is, on a terminal's standard error."""
    settings = _chosen(options, ("steps", "seconds", "seed", "model", "version"))
    content = content_of_argument(options.file)
    asked = 0
    with figment.project(content, **settings) as search, Bar(sys.stderr) as bar:
        for step in search:
            asked = step.steps
            bar.update(step.step, step.steps, f"distance {step.distance:.4f}")
        found = search.result()
    if options.output == STDOUT:
        sys.stdout.buffer.write(found.picture.content)
    elif options.output is not None:
        found.picture.save(options.output)
    print(found.point, file=sys.stderr if options.output == STDOUT else sys.stdout)
    steps = f"{found.steps} of {max(asked, found.steps)} steps" + ("; the time was up" if found.steps < asked else "")
    print(f"distance {found.distance:.4f} after {found.seconds:.1f} s, {steps}", file=sys.stderr)
    print_origin(figment, found.picture)


def _many(figment: Figment, options: argparse.Namespace, ranges: list[range | None]) -> None:
    """
    Each image into a file of the folder `-o`: `7.png` of a seed, `image-003.png` of another point; a name that there
    already was has its place in front, `004-7.png`.
    """
    given = [name for name in STILL if name not in ORIGIN and getattr(options, name) is not None]
    if given or options.show or options.show_with or options.output in (None, STDOUT) or format_of_path(options.output):
        raise InvalidArgument("more than one point: they are drawn as PNG, each into a file of the folder -o FOLDER")
    points = chain.from_iterable(
        (text,) if numbers is None else numbers for text, numbers in zip(options.points, ranges, strict=True)
    )
    total = sum(1 if numbers is None else len(numbers) for numbers in ranges)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    with Bar(sys.stderr) as bar:
        for done, picture, name in _named(figment.images(points, **_chosen(options, ORIGIN))):
            picture.save(folder / name)
            bar.update(done, total, name)
    print(f"{total} images in {folder}", file=sys.stderr)


def _named(pictures: Iterator[Picture]) -> Iterator[tuple[int, Picture, str]]:
    taken: set[str] = set()
    for number, picture in enumerate(pictures):
        name = f"image-{number:03}.png" if picture.seed is None else f"{picture.seed}.png"
        name = f"{number:03}-{name}" if name in taken else name
        taken.add(name)
        yield number + 1, picture, name


def _chosen(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names}


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError as error:
        raise InvalidArgument(f"weights {text!r}: numbers separated by commas are needed") from error
