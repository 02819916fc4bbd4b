"""The machine that a benchmark ran on, and where its results go."""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
"""Where results go, unless BENCH_RESULTS names another folder."""


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def describe_machine() -> str:
    """The processor and the number of its cores that this process may use."""
    return f"{processor()}, {cores()} cores"


def gpu() -> str:
    """The GPUs, as NVIDIA's driver names them; empty without one."""
    try:
        command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def facts() -> dict[str, Any]:
    """What a reader needs to know of the machine and its software to judge a result."""
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    versions = {}
    for name in ("tensorflow", "tensorflow-cpu", "numpy", "fastapi", "uvicorn", "isal", "pillow"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": cores(),
        "gpu": gpu(),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
        "finished": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def write_result(name: str, result: dict[str, Any]) -> Path:
    """Write `bench/results/NAME.json`: a benchmark's result with the machine's description."""
    folder = Path(os.environ.get("BENCH_RESULTS") or RESULTS)
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": facts()} | result, indent=1) + "\n")
    return path


def resident_mib(process: int) -> float:
    """The resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
