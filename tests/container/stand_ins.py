"""Other people's images: their own where they can be had, else Debian's package of the same program."""

import os
import re
from functools import cache

from tests.container.stack import ROOT, base_image, run

DEBIAN = """
FROM {base}
USER 0
RUN if [ -n "{mirror}" ]; then \\
      rm -rf /etc/apt/sources.list.d; echo "deb {mirror} bookworm main" > /etc/apt/sources.list; \\
    fi; \\
    apt-get update -qq && apt-get install -y -qq --no-install-recommends {package} >/dev/null \\
 && mkdir -p /prometheus && chown 65534:65534 /prometheus
USER 65534:65534
ENTRYPOINT {entrypoint}
"""


def image_of(variable: str) -> str:
    """The image that docker-compose.yml has for a variable such as HAPROXY_IMAGE, or a stand-in, built here."""
    return own_image(variable) or _stand_in(variable.removesuffix("_IMAGE").lower())


@cache
def own_image(variable: str) -> str:
    """The image that docker-compose.yml has for a variable; empty where it cannot be had."""
    if given := os.environ.get(variable):
        return given
    (official,) = re.findall(rf"\$\{{{variable}:-(.+?)\}}", (ROOT / "docker-compose.yml").read_text())
    if run("docker", "image", "inspect", official, check=False).returncode == 0:
        return str(official)
    if run("timeout", "300", "docker", "pull", "-q", official, check=False).returncode == 0:
        return str(official)
    return ""


@cache
def _stand_in(program: str) -> str:
    entrypoint = '["prometheus"]' if program == "prometheus" else "[]"
    mirror = os.environ.get("DEBIAN_MIRROR", "")
    dockerfile = DEBIAN.format(base=base_image(), mirror=mirror, package=program, entrypoint=entrypoint)
    tag = f"stand-in/{program}:debian"
    run("docker", "build", "-q", "-t", tag, "-", stdin=dockerfile)
    return tag
