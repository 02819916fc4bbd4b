"""
The options of the drawing methods, as types: `Figment.generate(**options: Unpack[GenerateOptions])`.

What is left out, or None, is left to the service; its ranges are in the service's `docs/http.md`. An option that is not
here is a TypeError.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

from .points import Latent, Point


class OriginOptions(TypedDict, total=False):
    """
    What draws: `model` is a name that `models` lists, and `version` one of its versions (the newest good one if left
    out). Latents are multiplied by `truncation` (0 … 2). `label` is the class of all images: one of the model's
    `class_names`, or its index there (a number that is a class's name means that class).
    """

    model: str | None
    version: int | None
    truncation: float | None
    label: int | str | None


class DrawingOptions(OriginOptions, total=False):
    """
    And how it is written: `format` is `png`, `webp`, `jpeg`, `avif`, `npz` (arrays), `zip` (a PNG each) or `json`; for
    walks `webp`, `png`, `apng`, `gif` or `mp4`. `quality` is 1 … 100 (webp, jpeg, avif); `lossless` is for webp.
    """

    format: str | None
    quality: int | None
    lossless: bool | None


class ImageOptions(DrawingOptions, total=False):
    """And how large an image is: `scale` times as large (0.25 … 8), `resample`d by `nearest` or `lanczos`."""

    scale: float | None
    resample: str | None


class GridOptions(ImageOptions, total=False):
    """
    And how images are laid out: in `columns` columns (1 … 240), with `padding` pixels (0 … 64) of `background` between
    them (`ffffff`, `ffffff80`, a CSS name, `transparent`).
    """

    columns: int | None
    padding: int | None
    background: str | None


class GenerateOptions(GridOptions, total=False):
    """
    What `generate` draws: image i has seed `seed` + i (mod 2³²); or each one point of `seeds` (a sequence, or the
    server's notation `"0-15,42,ada"`); or each one of `latents` (n × latent size). `labels` is a class for each image.
    """

    seed: Point | None
    seeds: Iterable[Point] | str | None
    latents: Collection[Latent] | None
    labels: Sequence[int | str] | None


class WalkOptions(GridOptions, total=False):
    """
    How `interpolate` walks: `latents` instead of seeds; `frames` (2 … 240) a segment, along `mode` (`slerp`, `lerp`)
    with `easing` (`linear`, `smooth`, `ease-in`, `ease-out`), back to the first point with `loop`, at `fps` frames a
    second (1 … 50). `t` (0 … 1) gives the one frame that far along. `shape` ("8x8", or (columns, rows)) gives a still
    lattice between four points: top left, top right, bottom left, bottom right.
    """

    latents: Collection[Latent] | None
    frames: int | None
    mode: str | None
    easing: str | None
    loop: bool | None
    fps: int | None
    t: float | None
    shape: str | tuple[int, int] | None
