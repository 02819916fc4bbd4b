"""TensorFlow as the programs run it, before a test module imports it."""

from bundle.environment import prepare_tensorflow

prepare_tensorflow()
