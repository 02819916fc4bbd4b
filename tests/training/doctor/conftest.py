import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.doctor import Examination, examine


def noise(seed: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Soft colours, another picture for every seed."""
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)


def png(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


MESS: dict[str, bytes] = {
    **{f"a/{i}.png": png(noise(i)) for i in range(12)},
    "a/copy of 0.png": png(noise(0)),
    "a/copy of 1.jpg": png(noise(1), "JPEG", quality=90),
    "b/small.png": png(noise(20, (40, 50))),
    "b/wide.png": png(noise(21, (200, 90))),
    "b/red.png": png(Image.new("RGB", (70, 70), "red")),
    "b/grey.png": png(noise(22).convert("L")),
    "b/clear.png": png(Image.merge("RGBA", (*noise(23).split(), noise(24).convert("L")))),
    "b/opaque.png": png(noise(25).convert("RGBA")),
    "b/inks.jpg": png(noise(26).convert("CMYK"), "JPEG"),
    "b/deep.png": png(Image.fromarray(np.random.default_rng(27).integers(0, 65536, (64, 64), np.uint16))),
    "b/empty\n.png": b"",
    "b/cut.png": png(noise(28))[:500],
}


@pytest.fixture(scope="session")
def mess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with a little of everything that the doctor looks for."""
    path = tmp_path_factory.mktemp("mess") / "mess.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in MESS.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="session")
def examined(mess: Path) -> Examination:
    return examine(mess, 64, 3, mess.parent / "cache")


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return noise
