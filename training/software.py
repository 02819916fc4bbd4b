"""The versions of what a bundle was made with."""

import importlib.metadata
import platform

DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "pillow")


def software() -> dict[str, str]:
    """The version of Python and of every installed distribution that shapes a bundle."""
    versions = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
