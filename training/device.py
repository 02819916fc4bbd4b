"""What training runs on."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import tensorflow as tf

from bundle.processor import BFLOAT16_FLAGS, cpu_flags

BFLOAT16_CAPABILITY: Final = (8, 0)
"""The compute capability from which on an NVIDIA GPU multiplies bfloat16 (Ampere)."""


def prepare() -> str:
    """Make TensorFlow repeatable and polite to the GPU's memory; returns the device in words.

    To be called before the first operation.
    """
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        return "the CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name))


def computes_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device has instructions for bfloat16; without them it computes it all the same, but slower."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return tuple(details.get("compute_capability", (0, 0))) >= BFLOAT16_CAPABILITY
    return bool(BFLOAT16_FLAGS & cpu_flags(cpuinfo))


def precision_note(precision: str) -> str | None:
    """What a person should know who asked for a precision that the device has no instructions for; else None."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    if precision == "float32" or (on_gpu if precision == "float16" else computes_bfloat16()):
        return None
    return f"this device has no instructions for {precision}: it is computed all the same, but slower than float32"


def cost_clock() -> Callable[[], float]:
    """The clock by which work is compared: the CPU time of all threads, whoever else is busy; on a GPU, wall time."""
    return time.perf_counter if tf.config.list_physical_devices("GPU") else time.process_time
