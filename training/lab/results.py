"""The lab's results file: JSON, one section an experiment, each written by its own command."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import Failed
from training.lab.modes import Clouds

FILE = "lab.json"
CLOUDS = "clouds"
"""The folder of the clouds, one file a row and mixture, so that rows can be added to an animation."""


def read(folder: Path) -> dict[str, Any]:
    """The results of a folder, empty where there are none.

    Raises:
        Failed: the file is no JSON object.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failed(f"{path} is not JSON: {error}; move it away to begin a new one") from error
    if not isinstance(results, dict) or not all(
        isinstance(results.get(part, {}), dict) for part in ("divergences", "modes")
    ):
        raise Failed(f"{path} is no results file of the lab; move it away to begin a new one")
    return results


def write(folder: Path, results: dict[str, Any]) -> Path:
    """Write the results, infinite values as "inf" and what is not a number as null; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path, beside = folder / FILE, folder / f".{FILE}"
    beside.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(path)
    return path


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def write_clouds(folder: Path, data: str, row: str, clouds: Clouds) -> None:
    """Keep a row's clouds beside the results."""
    (folder / CLOUDS).mkdir(parents=True, exist_ok=True)
    path = folder / CLOUDS / f"{data}-{row}.npz"
    beside = path.with_name(f".{path.name}")
    np.savez_compressed(beside, points=clouds.points, marks=clouds.marks)
    beside.replace(path)


def read_clouds(folder: Path, data: str, rows: Iterable[str]) -> dict[str, Clouds]:
    """The clouds that are kept of those rows, in their order."""
    paths = {row: folder / CLOUDS / f"{data}-{row}.npz" for row in rows}
    kept = {row: np.load(path) for row, path in paths.items() if path.exists()}
    return {row: Clouds(arrays["points"], arrays["marks"]) for row, arrays in kept.items()}
