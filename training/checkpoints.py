"""Checkpoints: the state of a run on disk, the last two of them."""

import re
from pathlib import Path

import tensorflow as tf

from training.gan import Gan
from training.run import RunError

KEEP = 2
"""How many checkpoints are kept: the last, and one in case it was being written when the machine died."""


class Checkpoints:
    """The checkpoints of one run. TensorFlow writes a new one beside the old and then renames its index."""

    def __init__(self, gan: Gan, folder: Path, keep: int = KEEP) -> None:
        self._note = tf.Variable("", dtype=tf.string)
        self._state = tf.train.Checkpoint(gan=gan.state(), note=self._note)
        self._manager = tf.train.CheckpointManager(self._state, str(folder), max_to_keep=keep)
        self._gan = gan

    @property
    def note(self) -> str:
        """The text that was saved with the state."""
        return bytes(self._note.numpy()).decode()

    def save(self, note: str = "") -> None:
        """Write the state as it is now, with a text.

        Raises:
            RunError: it cannot be written; the last one is still there.
        """
        self._note.assign(note)
        try:
            self._manager.save(checkpoint_number=int(self._gan.step.numpy()))
        except (tf.errors.OpError, OSError) as error:
            raise RunError(
                f"no checkpoint can be written to {self._manager.directory}: {_first_line(error)}; the last one is kept"
            ) from error

    def restore(self) -> int:
        """Take the last state back, or the one before if the last is damaged; returns its step.

        Raises:
            RunError: there is no checkpoint, or none can be read.
        """
        problems = []
        for path in reversed(self._manager.checkpoints):
            try:
                self._manager.checkpoint.restore(path).assert_existing_objects_matched().expect_partial()
                return int(self._gan.step.numpy())
            except Exception as error:  # TensorFlow raises nearly anything on broken files, IndexError too
                problems.append(f"{Path(path).name}: {_first_line(error)}")
        raise RunError(
            f"no checkpoint in {self._manager.directory} can be read: {'; '.join(problems) or 'there is none'}"
        )


def _first_line(error: Exception) -> str:
    """What an error says, without the names of TensorFlow's nodes."""
    lines = re.sub(r"\{\{.*?\}\} ?", "", str(error)).splitlines()
    return lines[0] if lines else type(error).__name__
