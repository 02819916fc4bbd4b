"""What training runs on."""

import tensorflow as tf


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
