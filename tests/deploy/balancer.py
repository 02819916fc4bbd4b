"""deploy/haproxy/haproxy.cfg in Debian's HAProxy on this machine, before replicas at ports of it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.server import free_port

CONFIGURATION: Final = Path(__file__).resolve().parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
PATIENCE: Final = 60
"""Seconds until a process counts as one that does not end."""
STATISTICS: Final = """
listen statistics
    bind 127.0.0.1:{port}
    stats enable
    stats uri /
"""


def installed() -> bool:
    """Whether there is an HAProxy."""
    return shutil.which("haproxy") is not None


class Balancer:
    """HAProxy with the configuration, as long as the block; its port, its replicas' addresses and its DNS are ours.

    `url` is where it listens, `statistics` where it tells of its replicas, as CSV, and `log` what it writes.
    """

    def __init__(self, folder: Path, ports: list[int]) -> None:
        port, statistics = free_port(), free_port()
        self.url, self.statistics = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{statistics}/;csv"
        text = CONFIGURATION.read_text(encoding="utf-8")
        servers = "\n".join(f"    server replica{i} 127.0.0.1:{each}" for i, each in enumerate(ports, 1))
        for written, ours in (
            (r"bind :8000", f"bind 127.0.0.1:{port}"),
            (r"    server-template .*", servers),
            (r" resolvers docker init-addr none resolve-prefer ipv4", ""),
        ):
            text, count = re.subn(written, ours, text)
            assert count == 1, written
        self.file, self.log = folder / "haproxy.cfg", folder / "haproxy.log"
        self.file.write_text(text + STATISTICS.format(port=statistics))

    def __enter__(self) -> "Balancer":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", self.file], stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
