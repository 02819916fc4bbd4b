"""What the doctor finds: the schema of its JSON. Names are paths below the root, or numbers in an array."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen, and nothing beside what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unreadable(Part):
    """A file that is left out, and why."""

    name: str
    reason: str


class Size(Part):
    """How many images have a size, in pixels, before they are resized."""

    width: int
    height: int
    count: int


class Sides(Part):
    """The shorter sides of the images, in pixels."""

    smallest: int
    tenth_percentile: int
    median: int
    largest: int


class Some(Part):
    """Images of which something is true: how many, and the names of all."""

    count: int
    names: list[str]


class DuplicateFindings(Part):
    """Images that repeat others, as they are after resizing.

    Each group names all its images, the first in the order of names first; `surplus` counts all but the first.
    Groups of `near` hold at least two images that differ in their pixels, and their exact duplicates too.
    """

    exact: list[list[str]]
    exact_surplus: int
    near: list[list[str]]
    near_surplus: int
    """Surplus images of all groups, exact ones not counted again."""
    share: float
    """Surplus images of either kind, as a share 0 … 1 of all."""
    largest: int
    """Images of the largest group of either kind; 1 where there is none."""


class Findings(Part):
    """Everything about a set of images at one resolution and number of channels."""

    schema_version: Literal[1] = 1
    source: str
    digest: str
    """Of the contents; the one that a run keeps."""
    resolution: int
    channels: int
    files: int
    """All that by their ending are images."""
    images: int
    """Those of them that can be read; every count below is of these."""
    total_bytes: int
    unreadable: list[Unreadable]
    formats: dict[str, int]
    modes: dict[str, int]
    transparent: int
    """Images that are transparent somewhere."""
    grey: int
    """Images that have colour channels, and no colour in them; 0 where `channels` is 1."""
    sizes: list[Size]
    """The most frequent first, twenty at most."""
    shorter_side: Sides
    too_small: Some
    """The shorter side is below the resolution: they are blown up."""
    odd_shapes: Some
    """The longer side is more than twice the shorter one; only the middle square is used."""
    constant: Some
    """One colour and nothing else."""
    duplicates: DuplicateFindings
    lopsided: float
    """How far the mean image is from its mirror image: 0 symmetric, 1 as far as one image is from the next."""
    classes: dict[str, int] | None
    """Images a class, where labels were asked for."""
    class_folders: dict[str, int] | None
    """Images a folder that `--labels folders` would take, where no labels were asked for and there are such."""
    advice: list[str]
