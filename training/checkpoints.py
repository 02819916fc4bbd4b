"""Checkpoints: the state of a run on disk, the last two of them."""

import re
import shutil
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
        self._folder, self._keep = folder, keep
        self._manager = self._open()
        self.problems: list[str] = []
        """What was wrong with the checkpoints that `restore` passed over."""
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
            for unfinished in self._folder.glob("*_temp"):
                shutil.rmtree(unfinished, ignore_errors=True)
            raise RunError(
                f"no checkpoint can be written to {self._folder}: {_first_line(error)}; the last one is kept"
            ) from error

    def restore(self) -> int:
        """Take the last state back, or the one before if the last is damaged; returns its step.

        Raises:
            RunError: there is no checkpoint, or none can be read.
        """
        self.problems = []
        for path in self._paths():
            try:
                self._state.restore(path).assert_existing_objects_matched().expect_partial()
                return int(self._gan.step.numpy())
            except Exception as error:  # TensorFlow raises nearly anything on broken files, IndexError too
                self.problems.append(f"{Path(path).name}: {_first_line(error)}")
        raise RunError(f"no checkpoint in {self._folder} can be read: {'; '.join(self.problems) or 'there is none'}")

    def _paths(self) -> list[str]:
        """All whole checkpoints, the last first: by what is there, since TensorFlow's own list may be damaged."""
        found = ((re.fullmatch(r"ckpt-(\d+)\.index", p.name), p) for p in self._folder.glob("ckpt-*.index"))
        numbered = sorted(((int(match[1]), p) for match, p in found if match), reverse=True)
        return [str(path.with_suffix("")) for _, path in numbered]

    def _open(self) -> tf.train.CheckpointManager:
        """TensorFlow's manager; a list of its own that it cannot read is put away."""
        try:
            return tf.train.CheckpointManager(self._state, str(self._folder), max_to_keep=self._keep)
        except ValueError:  # text that is no protocol buffer, or no text
            listed = self._folder / "checkpoint"
            listed.rename(listed.with_suffix(".damaged"))
            return tf.train.CheckpointManager(self._state, str(self._folder), max_to_keep=self._keep)


def _first_line(error: Exception) -> str:
    """What an error says, without the names of TensorFlow's nodes."""
    lines = re.sub(r"\{\{.*?\}\} ?", "", str(error)).splitlines()
    return lines[0] if lines else type(error).__name__
