"""Make the pictures of docs/tutorial.md, in the folder in which the tutorial was followed and while its service runs.

    PYTHONPATH=client .venv/bin/python docs/pictures.py runs/00000-faces-ns

The address of the service is FIGMENT_URL, as for the command `figment`; Chromium takes the picture of the report.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from figment_client import Figment
from PIL import Image

DOCS: Final = Path(__file__).parent / "tutorial"
MOMENTS: Final = (0.04, 0.25, 1.0)
"""Of the run, as shares of its images."""
SHEET: Final = (0, 0, 256, 128)
"""Of a sheet of samples, in px: four rows of eight images of 32 px."""


def main(run: Path) -> None:
    """Write every picture."""
    DOCS.mkdir(exist_ok=True)
    with Figment() as figment:
        data = figment.generate(32, seed=1, columns=8, model="adventurer").content
        grid = figment.generate(32, seed=1, columns=8, model="faces").content
        walk = figment.interpolate([1, 2], frames=8, format="png", model="faces").content
    Image.open(io.BytesIO(data)).save(DOCS / "data.webp", quality=85, method=6)
    _doubled(Image.open(io.BytesIO(grid))).save(DOCS / "grid.webp", quality=90, method=6)
    _doubled(Image.open(io.BytesIO(walk))).save(DOCS / "walk.webp", quality=90, method=6)
    sheets = sorted((run / "samples").glob("*.png"))
    for name, moment in zip(("early", "quarter", "end"), MOMENTS, strict=True):
        sheet = Image.open(sheets[round(moment * (len(sheets) - 1))]).convert("RGB").crop(SHEET)
        _doubled(sheet).save(DOCS / f"{name}.webp", quality=90, method=6)
    _report(run / "report.html")


def _doubled(picture: Image.Image) -> Image.Image:
    return picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)


def _report(page: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "report.png"
        size = ["--window-size=1000,760", "--hide-scrollbars", "--no-sandbox", f"--screenshot={shot}"]
        subprocess.run(["chromium", "--headless", *size, page.resolve().as_uri()], check=True, capture_output=True)  # noqa: S603, S607 (Chromium, as it is installed)
        Image.open(shot).convert("RGB").save(DOCS / "report.webp", quality=80, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
