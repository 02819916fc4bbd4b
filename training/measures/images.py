"""What all measures share: checks, an order that depends on nothing but the pictures, and draws."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]
Indices = NDArray[np.int64]

SMALLEST: Final = 16
"""Pixels: the smallest side that can be measured, that of the pyramid's coarsest level (Karras 2018)."""
LARGEST: Final = 1024


def check_pair(real: Images, fake: Images) -> None:
    """Refuse what cannot be compared.

    Raises:
        ValueError: other dtypes, shapes or numbers, or no images; says which.
    """
    for name, images in (("real", real), ("generated", fake)):
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(f"{name} images are {images.dtype} {list(images.shape)} instead of uint8 [n, h, w, c]")
        if not len(images):
            raise ValueError(f"there are no {name} images")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(f"real images are {list(real.shape[1:])}, generated ones {list(fake.shape[1:])}")
    height, width, channels = real.shape[1:]
    if height != width or not SMALLEST <= height <= LARGEST or height.bit_count() != 1:
        raise ValueError(f"images of {height} × {width} pixels; squares of 16, 32, 64, 128 … pixels can be measured")
    if channels not in (1, 3, 4):
        raise ValueError(f"images have {channels} channels instead of 1, 3 or 4")


def content_order(images: Images) -> Indices:
    """Indices, int64 [n], in an order that depends on the images' contents alone, and on nothing seen in them."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return np.array(sorted(range(len(images)), key=digests.__getitem__), dtype=np.int64)


def drawn(images: Images, count: int, seed: int) -> Images:
    """`count` of the images at random, a function of their contents and the seed, whatever order they come in."""
    chosen: Images = images[np.random.default_rng(seed).permutation(content_order(images))[:count]]
    return chosen
