"""What a run took: time, speed, and the machine."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np

from training.report.record import Record
from training.run import Run

LIBRARIES: Final = ("tensorflow", "tensorflow-cpu", "keras", "numpy")
"""TensorFlow goes by either name."""


@dataclass(frozen=True)
class Cost:
    """Seconds are None where the log does not tell; `versions` and `machine` are of where the report is written.

    `training_seconds` are those of steps; `elapsed_seconds` from the beginning to the log's last line, pauses included.
    """

    training_seconds: float | None
    elapsed_seconds: float | None
    cpu_seconds: float | None
    images_per_second: float | None
    machine: str
    versions: str


def cost_of(run: Run, record: Record) -> Cost:
    """What the log tells of a run's cost, and the machine that asks."""
    speeds = [point["images_per_second"] for point in record.points if "images_per_second" in point]
    cpu = [point["cpu_seconds"] for point in record.points if "cpu_seconds" in point]
    elapsed = (record.last_written - run.settings.started).total_seconds() if record.last_written else None
    return Cost(
        training_seconds=record.seconds_at(record.images),
        elapsed_seconds=None if elapsed is None or elapsed < 0 else elapsed,
        cpu_seconds=sum(cpu) if cpu else None,
        images_per_second=float(np.median(speeds)) if speeds else None,
        machine=machine(),
        versions=", ".join([f"Python {platform.python_version()}", *filter(None, map(_version, LIBRARIES))]),
    )


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Processor and cores, such as "AMD EPYC 9575F, 2 cores, Linux x86_64"."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    cores = f"{usable} core{'' if usable == 1 else 's'}"
    return ", ".join([_processor(cpuinfo), cores, f"{platform.system()} {platform.machine()}"])


def _processor(cpuinfo: Path) -> str:
    try:
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def _version(library: str) -> str:
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return ""
