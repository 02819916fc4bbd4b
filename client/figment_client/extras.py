"""Optional libraries, imported where they are needed and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import NumpyMissing, PillowMissing

if TYPE_CHECKING:
    from types import ModuleType


def pillow(purpose: str) -> ModuleType:
    """The module PIL.Image. Raises PillowMissing, which says the purpose."""
    try:
        import PIL.Image
    except ImportError as error:
        raise PillowMissing(f"{purpose} needs Pillow: pip install 'figment-client[pillow]'") from error
    return PIL.Image


def numpy(purpose: str) -> ModuleType:
    """The module numpy. Raises NumpyMissing, which says the purpose."""
    try:
        import numpy
    except ImportError as error:
        raise NumpyMissing(f"{purpose} needs NumPy: pip install 'figment-client[numpy]'") from error
    return numpy
