"""What this machine's processor can do, as Linux tells it."""

from pathlib import Path
from typing import Final

BFLOAT16_FLAGS: Final = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""The instructions for bfloat16, as /proc/cpuinfo names them: x86's two, and ARM's."""


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What the processor can do, as Linux names it; nothing where that is not known."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        return frozenset()
    named = (line.partition(":") for line in lines)
    return frozenset(
        flag for name, _, value in named if name.strip() in ("flags", "Features") for flag in value.split()
    )
