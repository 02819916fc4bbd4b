"""From a path to findings, and to the images that show them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.cache import Cache, Progress
from training.dataset import DataFacts
from training.doctor import advice
from training.doctor.findings import DuplicateFindings, Findings, Sides, Size, Some, Unreadable
from training.doctor.inspection import Look, look_at
from training.duplicates import Duplicates
from training.source import DataError, Source, open_source

ODD: Final = 2.0
"""The longer side by the shorter one above which a shape is odd."""
FLAT: Final = 2
"""Levels of 255 by which an image of one colour may vary: JPEG adds as much."""
GREY: Final = 4
"""Levels by which the channels of a grey image may differ."""
SIZES: Final = 20

_AT_ONCE: Final = 1024


@dataclass(frozen=True)
class Examination:
    """Findings, and what they are about: the images, uint8 [count, resolution, resolution, channels], by name."""

    findings: Findings
    images: NDArray[np.uint8]
    names: list[str]
    duplicates: Duplicates


def examine(
    path: Path, resolution: int, channels: int, cache: Path, labels: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Examination:  # fmt: skip
    """Look at everything that `load_images` takes, with the same arguments; its cache is filled on the way.

    Raises:
        DataError: as `load_images`.
        OSError: as `load_images`.
    """
    source = open_source(path)
    files = Cache(cache, source, resolution, channels)
    images, facts = files.pixels(progress)
    duplicates = files.duplicates(images)
    left_out = frozenset(name for name, _ in facts.unreadable)
    entries = [entry for entry in source.entries if entry.name not in left_out]
    names = [entry.name for entry in entries]
    classes = None if labels is None else _class_counts(source, labels, left_out)
    findings = _findings(facts, images, names, look_at(entries), duplicates).model_copy(
        update={
            "source": str(path), "files": len(source.entries), "classes": classes,
            "class_folders": _class_folders(source, left_out) if labels is None else None,
        }
    )  # fmt: skip
    findings = findings.model_copy(update={"advice": advice.advice(findings)})
    return Examination(findings, images, names, duplicates)


def _findings(
    facts: DataFacts, images: NDArray[np.uint8], names: list[str], looks: Sequence[Look | None], duplicates: Duplicates
) -> Findings:
    seen = [look for look in looks if look is not None]
    shorter = np.array([min(look.width, look.height) for look in seen] or [0])
    constant, grey = _flat(images)
    resolution, channels = images.shape[1], images.shape[3]
    small = [look is not None and min(look.width, look.height) < resolution for look in looks]
    odd = [look is not None and max(look[2:4]) > ODD * min(look[2:4]) for look in looks]
    return Findings(
        source=facts.source, digest=facts.digest, resolution=resolution, channels=channels,
        files=facts.count, images=facts.count, total_bytes=sum(look.size for look in seen),
        unreadable=[Unreadable(name=name, reason=reason) for name, reason in facts.unreadable],
        formats=_counted(look.format for look in seen), modes=_counted(look.mode for look in seen),
        transparent=sum(look.transparent for look in seen), grey=int(grey.sum()),
        sizes=[
            Size(width=width, height=height, count=count)
            for (width, height), count in Counter(look[2:4] for look in seen).most_common(SIZES)
        ],
        shorter_side=Sides(
            smallest=shorter.min(), tenth_percentile=round(np.percentile(shorter, 10)),
            median=round(np.median(shorter)), largest=shorter.max(),
        ),
        too_small=_some(small, names), odd_shapes=_some(odd, names), constant=_some(constant, names),
        duplicates=_duplicates(duplicates, names), lopsided=_lopsided(images),
        classes=None, class_folders=None, advice=[],
    )  # fmt: skip


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _some(true: Sequence[bool] | NDArray[np.bool_], names: list[str]) -> Some:
    found = [name for name, holds in zip(names, true, strict=True) if holds]
    return Some(count=len(found), names=found)


def _flat(images: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which images are of one colour, and which have colour channels that are all the same: bool [count] each."""
    constant, grey = np.zeros(len(images), bool), np.zeros(len(images), bool)
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        block = images[part]
        constant[part] = (np.ptp(block, axis=(1, 2)) <= FLAT).all(1)
        if images.shape[3] > 1:
            colours = block[..., :3]
            grey[part] = (colours.max(3) - colours.min(3)).max((1, 2)) <= GREY
    return constant, grey


def _lopsided(images: NDArray[np.uint8]) -> float:
    """The root-mean-square distance of the mean image from its mirror image, by the mean deviation of the images."""
    sample = images[:: max(1, len(images) // _AT_ONCE)].astype(np.float32)
    mean = sample.mean(0)
    deviation = float(np.sqrt(sample.var(0).mean()))
    return round(float(np.sqrt(np.square(mean - mean[:, ::-1]).mean())) / deviation, 3) if deviation else 0.0


def _duplicates(duplicates: Duplicates, names: list[str]) -> DuplicateFindings:
    exact, near = members(duplicates.exact), members(duplicates.groups)
    truly_near = [group for group in near if len(np.unique(duplicates.exact[group])) > 1]
    count, kinds, pictures = len(names), int(duplicates.exact.max()) + 1, int(duplicates.groups.max()) + 1
    return DuplicateFindings(
        exact=[[names[i] for i in group] for group in exact], exact_surplus=count - kinds,
        near=[[names[i] for i in group] for group in truly_near], near_surplus=kinds - pictures,
        share=(count - pictures) / count, largest=max((len(group) for group in near), default=1),
    )  # fmt: skip


def members(groups: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """The images of each group of more than one, the largest group first."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return sorted((part for part in parts if len(part) > 1), key=len, reverse=True)


def _class_counts(source: Source, labels: str, left_out: frozenset[str]) -> dict[str, int]:
    numbers, names = source.labels(labels, left_out)
    return dict(zip(names, np.bincount(numbers, minlength=len(names)).tolist(), strict=True))


def _class_folders(source: Source, left_out: frozenset[str]) -> dict[str, int] | None:
    try:
        return _class_counts(source, "folders", left_out)
    except DataError:
        return None
