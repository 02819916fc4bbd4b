"""Which scope a path needs. A path that is not named here needs `admin`: what was forgotten is closed."""

from typing import Final

from service.access.keys import Scope

OPEN: Final = ("/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/", "/docs", "/openapi.json")
"""Whoever asks: probes, which tell the names of the models and what is wrong in the store; and the two pages with what
describes the interface, which a browser opens without a key and which are the same for every Figment."""
OPEN_BELOW: Final = ("/page/", "/swagger/", "/problems/")
PROJECT: Final = ("/project",)
GENERATE: Final = ("/generate", "/interpolate", "/variations", "/mix", "/inspect", "/models", "/v1/models", "/v2")
GENERATE_BELOW: Final = ("/generate.", "/images/", "/interpolate.", "/variations.", "/v1/", "/v2/")


def needed(path: str) -> Scope | None:
    """The scope that a path needs, or None where nobody is asked for a key."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    if path in PROJECT:
        return "project"
    return "generate" if path in GENERATE or path.startswith(GENERATE_BELOW) else "admin"
