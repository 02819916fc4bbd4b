"""The service's PNG beside Pillow's, OpenCV's and TensorFlow's, on real grids: `python -m bench.png`."""

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.machine import describe_machine, write_result
from bundle.environment import prepare_tensorflow
from service.pictures.grid import make_grid
from service.pictures.pixels import Pixels
from service.pictures.png import encode_png

SAMPLES = Path(__file__).parents[1] / "models/adventurer/2/assets.extra/samples.png"
"""64 images that the shipped generator drew, 8 × 8 of 64 px."""
SIDE = 64  # pixels
GRIDS = (1, 16, 64)  # images
OURS = "Figment"


def encoders() -> dict[str, Callable[[Pixels], bytes]]:
    """Every encoder that is installed, by its name."""
    found: dict[str, Callable[[Pixels], bytes]] = {
        OURS: encode_png,
        "Pillow": pillow,
        "Pillow, compress_level=1": lambda image: pillow(image, compress_level=1),
    }
    import cv2

    def opencv(image: Pixels, *options: int) -> bytes:
        good, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        assert good
        return bytes(encoded)

    found["OpenCV"] = opencv
    found["OpenCV, level 1"] = lambda image: opencv(image, cv2.IMWRITE_PNG_COMPRESSION, 1)
    prepare_tensorflow()
    import tensorflow as tf

    found["tf.io.encode_png"] = lambda image: bytes(tf.io.encode_png(image).numpy())
    return found


def pillow(image: Pixels, **options: int) -> bytes:
    """As its users write it."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", **options)
    return buffer.getvalue()


def drawn() -> Pixels:
    """What the shipped generator drew: uint8 [64, 64, 64, 3]."""
    with Image.open(SAMPLES) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    rows, columns = pixels.shape[0] // SIDE, pixels.shape[1] // SIDE
    return pixels.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)


def measure(image: Pixels, repeats: int) -> dict[str, dict[str, float]]:
    """Median milliseconds, and bytes; the encoders take turns, so that a busy moment hits all alike."""
    found = encoders()
    times: dict[str, list[float]] = {name: [] for name in found}
    sizes = {}
    for name, encode in found.items():
        png = encode(image)
        sizes[name] = len(png)
        with Image.open(io.BytesIO(png)) as decoded:
            if not np.array_equal(np.asarray(decoded), image):
                raise SystemExit(f"{name}: the picture did not come back as it was")
    for _ in range(repeats):
        for name, encode in found.items():
            start = time.perf_counter()
            encode(image)
            times[name].append((time.perf_counter() - start) * 1000)
    ours = statistics.median(times[OURS])
    return {
        name: {
            "milliseconds": statistics.median(times[name]),
            "times_ours": statistics.median(times[name]) / ours,
            "bytes": sizes[name],
            "size_of_ours": sizes[name] / sizes[OURS],
        }
        for name in found
    }


def main() -> int:
    """Measure, print the tables and write `bench/results/png.json`."""
    parser = argparse.ArgumentParser("python -m bench.png", description=__doc__)
    parser.add_argument("--repeats", type=int, default=31, help="(default: %(default)s)")
    repeats = parser.parse_args().repeats
    print(f"what the shipped generator drew, RGB, {SIDE} px; median of {repeats}; {describe_machine()}")
    results: dict[int, Any] = {}
    for n in GRIDS:
        grid = make_grid(drawn()[:n])
        results[n] = measure(grid, repeats)
        print(f"\n{n} images, {grid.shape[1]} × {grid.shape[0]} px")
        print(f"{'encoder':<26}{'ms':>9}{'× time':>9}{'bytes':>10}{'× size':>9}")
        for name, row in results[n].items():
            print(
                f"{name:<26}{row['milliseconds']:>9.3f}{row['times_ours']:>9.1f}{row['bytes']:>10,}"
                f"{row['size_of_ours']:>9.3f}"
            )
    write_result("png", {"images": results})
    return 0


if __name__ == "__main__":
    sys.exit(main())
