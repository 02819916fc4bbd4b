"""TensorFlow as the programs run it, before a test module imports it; and a heap that is not searched each time."""

import gc

from bundle.environment import prepare_tensorflow

prepare_tensorflow()


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collection.

    The service collects after each model that it loads; beside some thousand tests that took 0.3 s of each one's time.
    """
    gc.collect()
    gc.freeze()
