"""TensorBoard event files of a run: scalars, pictures and histograms, written with TensorBoard's own library.

    tensorboard --logdir runs

shows them. Every process writes a file of its own. A process that goes on from step k begins it with TensorBoard's
mark of a restart (`SessionLog.START`), upon which readers drop what earlier files hold from its first step on, so
nothing shows twice; a training that falls back to an earlier step within a process makes the same mark.
"""

import io
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

SECONDS_BETWEEN_FLUSHES: Final = 10
"""How old what TensorBoard shows may be, in seconds."""
BUCKETS: Final = 50
"""Of a histogram."""


class Events:
    """One process's event file in a folder, which is made where it is missing.

    The steps of calls in a row may repeat. A step that is lower than the one before it begins anew from there.
    Writing happens in a thread; an OSError of the disk (full, gone) is raised by a later call.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder), flush_secs=SECONDS_BETWEEN_FLUSHES)
        self._step: float = math.inf  # so that the first step is lower, and marks a start

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One number a name, such as "loss_d"; also what is not finite, which TensorBoard marks."""
        for name, value in values.items():
            self._add(step, scalar_pb(name, np.float32(value)))

    def image(self, step: int, name: str, image: NDArray[np.uint8]) -> None:
        """A picture: uint8 [height, width, channels] with 1, 3 or 4 channels."""
        height, width, channels = image.shape
        png = io.BytesIO()
        Image.fromarray(image[..., 0] if channels == 1 else image).save(png, "PNG")
        content = np.array([str(width).encode(), str(height).encode(), png.getvalue()], dtype=object)
        about = image_metadata.create_summary_metadata(display_name=None, description=None)
        summary = Summary()
        summary.value.add(tag=name, metadata=about, tensor=tensor_util.make_tensor_proto(content))
        self._add(step, summary)

    def histogram(self, step: int, name: str, values: NDArray[np.floating[Any]]) -> None:
        """How numbers are distributed: floats of any shape; those that are not finite are left out."""
        self._add(step, histogram_pb(name, values[np.isfinite(values)].astype(np.float64), buckets=BUCKETS))

    def close(self) -> None:
        """Write what is left; more than once is harmless."""
        self._writer.close()

    def _add(self, step: int, summary: Summary) -> None:
        if step < self._step:
            start = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(wall_time=time.time(), step=step, session_log=start))
        self._step = step
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
