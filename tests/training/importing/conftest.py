"""What the tests of importing share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.store import Bundle


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., Bundle]:
    """Import a path into a store of the test's own; nobody can be asked. Choices as keywords."""
    from training.importing.finding import Choices
    from training.importing.publishing import Origin, import_generator
    from training.importing.questions import refuse_to_guess

    def call(path: Path, trust: bool = False, **choices: object) -> Bundle:
        origin = Origin("faces", "CC0", "nobody")
        return import_generator(
            path, tmp_path / "models", "foreign", None, origin, Choices(**choices), refuse_to_guess, trust
        )

    return call
