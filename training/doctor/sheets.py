"""Contact sheets: many small images as one."""

import base64
import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP: Final = 2
"""Transparent pixels between two images."""


def contact_sheet(images: NDArray[np.uint8], columns: int) -> Image.Image:
    """Images, uint8 [n, side, side, 1, 3 or 4 channels], row by row, as RGBA; what is beside them is transparent."""
    count, side = len(images), images.shape[1]
    rows = -(-count // columns)
    sheet = np.zeros((rows * (side + GAP) - GAP, columns * (side + GAP) - GAP, 4), np.uint8)
    for i, image in enumerate(images):
        y, x = (i // columns) * (side + GAP), (i % columns) * (side + GAP)
        sheet[y : y + side, x : x + side, :3] = image[..., :3]
        sheet[y : y + side, x : x + side, 3] = image[..., 3] if image.shape[2] == 4 else 255
    return Image.fromarray(sheet)


def data_uri(image: Image.Image) -> str:
    """An image as it can stand in a page: lossless WebP."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
