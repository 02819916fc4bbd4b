"""The findings as text."""

import textwrap
from collections.abc import Mapping
from typing import Final

from training.doctor.findings import Findings
from training.source import shown

NAMED: Final = 3
"""Names that are shown of each kind; the rest is counted, and stands in the JSON."""


def text_of(findings: Findings, width: int) -> str:
    """Everything that is found, a line each and no wider than `width` characters, and then the advice."""
    lines = [_wrapped(f"{name:17}  ", value, width) for name, value in facts(findings)]
    advice = [_wrapped("  • ", shown(line), width) for line in findings.advice] or ["  nothing to complain of"]
    return "\n".join([*lines, "", "advice", *advice, ""])


def _wrapped(begin: str, text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=begin, subsequent_indent=" " * len(begin), break_on_hyphens=False)


def facts(f: Findings) -> list[tuple[str, str]]:
    """What is found, as names and texts, in the order in which it is shown."""
    side, doubles = f.shorter_side, f.duplicates
    rows = [
        ("source", shown(f.source)),
        ("images", f"{f.images:,} of {f.files:,} files, {size(f.total_bytes)}"),
        ("unreadable", _named(len(f.unreadable), [f"{shown(u.name)}: {shown(u.reason)}" for u in f.unreadable], "; ")),
        ("formats", _counts(f.formats)),
        ("modes", _counts(f.modes)),
        (
            "sizes",
            ", ".join(f"{s.width} × {s.height} ({s.count:,})" for s in f.sizes[:NAMED]) + _more(len(f.sizes) - NAMED),
        ),
        (
            "shorter side",
            f"{side.smallest} … {side.largest} px, median {side.median}, nine of ten {side.tenth_percentile} or more",
        ),
        (f"below {f.resolution} px", _named(f.too_small.count, f.too_small.names)),
        ("longer than 2 : 1", _named(f.odd_shapes.count, f.odd_shapes.names)),
        ("one colour", _named(f.constant.count, f.constant.names)),
        ("grey", f"{f.grey:,}"),
        ("exact repeats", _repeats(doubles.exact_surplus, f.images, doubles.exact)),
        ("near repeats", _repeats(doubles.near_surplus, f.images, doubles.near)),
        ("lopsided", f"{f.lopsided:.2f} (0: the mean image is its own mirror image)"),
    ]
    if f.classes is not None:
        rows.append(("classes", _counts(f.classes)))
    elif f.class_folders:
        rows.append(("folders", _counts(f.class_folders)))
    return [*rows, ("digest", f.digest)]


def size(count: int) -> str:
    """Bytes as a person says them: "59.3 MB"."""
    number = float(count)
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"


def _counts(counts: Mapping[str, int]) -> str:
    shown_counts = [f"{shown(name)} {count:,}" for name, count in list(counts.items())[:20]]
    return ", ".join(shown_counts) + _more(len(counts) - 20)


def _named(count: int, names: list[str], separator: str = ", ") -> str:
    if not count:
        return "none"
    return f"{count:,}: {separator.join(shown(name) for name in names[:NAMED])}{_more(count - NAMED)}"


def _repeats(surplus: int, images: int, groups: list[list[str]]) -> str:
    if not surplus:
        return "none"
    first = " = ".join(shown(name) for name in groups[0][:NAMED])
    return f"{surplus:,} ({surplus / images:.1%}) in {len(groups):,} groups: {first}{_more(len(groups[0]) - NAMED)}"


def _more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""
