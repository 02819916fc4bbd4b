"""Findings in plain words: what to do before training, and the few lines that `fit` prints."""

from typing import Final

import numpy as np

from training.dataset import ImageSet
from training.doctor.findings import Findings

FEW: Final = 1_000
"""Images: with fewer a GAN learns them by heart, augmented or not."""
AUGMENTED: Final = 30_000
"""Images: below, the recipes augment by themselves."""
REPEATED: Final = 0.01
"""Share of duplicates from which they are worth removing."""
LOPSIDED: Final = 0.25
"""From here on a mirrored image is not one of the kind: drawn avatars that all look to one side have 0.40."""
FEW_OF_A_CLASS: Final = 100
RESOLUTIONS: Final = (128, 64, 32)


def quick_findings(data: ImageSet) -> list[str]:
    """What there is to say of loaded images at no further cost, a line each; empty if nothing."""
    unreadable, count = len(data.facts.unreadable), len(data)
    surplus = count - len(np.unique(data.groups))
    lines = []
    if unreadable:
        lines.append(f"{unreadable:,} of {unreadable + count:,} files cannot be read and are left out")
    if surplus:
        lines.append(f"{surplus:,} of {count:,} images ({surplus / count:.1%}) repeat others, exactly or nearly")
    if count < FEW:
        lines.append(_few(count))
    if data.labels is not None:
        counts = np.bincount(data.labels, minlength=len(data.class_names)).tolist()
        lines += _of_classes(dict(zip(data.class_names, counts, strict=True)))
    return lines


def advice(findings: Findings) -> list[str]:
    """What to do about findings, the most important first; empty if nothing."""
    rules = (_amount, _unreadable, _duplicates, _constant, _size, _shape, _channels, _mirror, _classes)
    return [line for rule in rules for line in rule(findings)]


def _few(count: int) -> str:
    return f"{count:,} images are few: a GAN learns them by heart; from {FEW:,} on it begins to draw new ones"


def _amount(f: Findings) -> list[str]:
    if f.images < FEW:
        return [_few(f.images)]
    if f.images < AUGMENTED:
        return [f"{f.images:,} images are enough with augmentation, which the recipes do by themselves below 30,000."]
    return []


def _unreadable(f: Findings) -> list[str]:
    if not f.unreadable:
        return []
    first = f.unreadable[0]
    return [
        f"{len(f.unreadable):,} of {f.files:,} files cannot be read and are left out, such as {first.name}: "
        f"{first.reason}."
    ]


def _duplicates(f: Findings) -> list[str]:
    found = f.duplicates
    if found.share < REPEATED:
        return []
    lines = [
        f"{found.share:.1%} of the images repeat others ({found.exact_surplus:,} exactly, {found.near_surplus:,} "
        "nearly). `fit` holds out whole groups, so that its measures stay honest, but it learns what is repeated more "
        "often. To remove repeats, keep the first of each group under duplicates.exact and duplicates.near of --json."
    ]
    if found.largest > max(100, f.images / 10):
        lines.append(f"One group has {found.largest:,} images: are these placeholders, or blank pages?")
    return lines


def _constant(f: Findings) -> list[str]:
    if not f.constant.count:
        return []
    return [f"{f.constant.count:,} images are of one colour, such as {f.constant.names[0]}: remove them."]


def _size(f: Findings) -> list[str]:
    tenth = f.shorter_side.tenth_percentile
    best = next((resolution for resolution in RESOLUTIONS if resolution <= tenth), RESOLUTIONS[-1])
    if f.too_small.count > f.images / 10 and best < f.resolution:
        return [
            f"{f.too_small.count:,} images are smaller than {f.resolution} px and are blown up, and a GAN learns their "
            f"blur too: take --resolution {best}, or leave them out."
        ]
    if best > f.resolution:
        return [
            f"Nine of ten images are {tenth} px or more: --resolution {best} is possible; each doubling is about 4 "
            "times the arithmetic."
        ]
    return []


def _shape(f: Findings) -> list[str]:
    if not f.odd_shapes.count:
        return []
    return [
        f"{f.odd_shapes.count:,} images are more than twice as long as wide, or the other way round, such as "
        f"{f.odd_shapes.names[0]}. Only the middle square is used: crop them to what matters."
    ]


def _channels(f: Findings) -> list[str]:
    if f.channels > 1 and f.grey == f.images:
        return ["All images are grey: take --channels 1."]
    if f.channels == 3 and f.transparent > f.images / 2:
        return [
            f"{f.transparent:,} images are transparent in part and laid on white: --channels 4 learns transparency."
        ]
    if f.channels > 1 and f.grey > f.images / 50:
        return [f"{f.grey:,} images of a set in colour are grey; leave them out unless grey ones are wanted too."]
    return []


def _mirror(f: Findings) -> list[str]:
    if f.lopsided < LOPSIDED:
        return ["On average left and right look alike: if mirrored images would be right too (no text), take --flip."]
    return ["Left and right differ throughout: do without --flip."]


def _classes(f: Findings) -> list[str]:
    if f.classes is not None:
        return _of_classes(f.classes)
    if f.class_folders:
        return [f"The images lie in {len(f.class_folders):,} folders: --labels folders learns them as classes."]
    return []


def _of_classes(counts: dict[str, int]) -> list[str]:
    rare = {name: count for name, count in counts.items() if count < FEW_OF_A_CLASS}
    if not rare:
        return []
    name, count = min(rare.items(), key=lambda item: item[1])
    return [
        f"{len(rare):,} of {len(counts):,} classes have fewer than {FEW_OF_A_CLASS} images, {name!r} only {count:,}: "
        "what is drawn of them will hardly vary"
    ]
