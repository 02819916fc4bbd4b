"""Time and size of the service's PNG beside Pillow's: `python -m bench.png [--repeats N]`."""

import argparse
import io
import statistics
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from service.pictures.grid import make_grid
from service.pictures.pixels import Pixels
from service.pictures.png import encode_png

AVATARS = Path(__file__).parents[2] / "shared" / "data" / "adventurer-64-heldout.zip"
SIDE = 64  # pixels
GRIDS = (16, 64)  # images
OURS, DEFAULTS, LEVEL_1 = "Figment", "Pillow, defaults", "Pillow, compress_level=1"


def pillow(image: Pixels, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", **options)
    return buffer.getvalue()


ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    OURS: encode_png,
    DEFAULTS: pillow,
    LEVEL_1: lambda image: pillow(image, compress_level=1),
}


def avatars(n: int) -> Pixels:
    with zipfile.ZipFile(AVATARS) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))[:n]
        return np.stack([np.asarray(Image.open(archive.open(name)).convert("RGB")) for name in names])


def synthetic(n: int) -> Pixels:
    """Smooth colour gradients with a little noise."""
    rng = np.random.default_rng(0)
    across = np.linspace(0, 1, SIDE)
    low, right, down = rng.uniform(0, 85, (3, n, 1, 1, 3))
    smooth = low + right * across[:, np.newaxis] + down * across[:, np.newaxis, np.newaxis]
    return np.clip(np.round(smooth + rng.normal(0, 1.5, smooth.shape)), 0, 255).astype(np.uint8)


def measure(image: Pixels, repeats: int) -> dict[str, tuple[float, int]]:
    """Median time in ms and size in bytes; the encoders take turns, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ENCODERS}
    sizes = {name: len(encode(image)) for name, encode in ENCODERS.items()}
    for _ in range(repeats):
        for name, encode in ENCODERS.items():
            start = time.perf_counter()
            encode(image)
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: (statistics.median(times[name]), sizes[name]) for name in ENCODERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=31)
    repeats = parser.parse_args().repeats
    real = AVATARS.exists()
    images = avatars(max(GRIDS)) if real else synthetic(max(GRIDS))
    print(f"Pictures: {f'drawn avatars ({AVATARS.name})' if real else 'synthetic gradients with noise'}, RGB,")
    print(f"{SIDE} px; median of {repeats}; × is relative to {OURS}.")
    for n in GRIDS:
        grid = make_grid(images[:n])
        if not np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(grid)))), grid):
            raise SystemExit("the picture did not come back as it was")
        print(f"\n{n} images, {grid.shape[1]} × {grid.shape[0]} px")
        print(f"{'encoder':<26}{'ms':>9}{'× time':>9}{'bytes':>10}{'× size':>9}")
        results = measure(grid, repeats)
        our_time, our_size = results[OURS]
        for name, (took, size) in results.items():
            print(f"{name:<26}{took:>9.3f}{took / our_time:>9.1f}{size:>10,}{size / our_size:>9.3f}")


if __name__ == "__main__":
    main()
