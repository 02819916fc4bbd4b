"""What TensorFlow reads from the environment while it is imported: the same for training and for the service."""

import os

VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "2",  # its notes about the processor are nobody's concern
    # oneDNN's kernels. TensorFlow leaves them off on processors without AVX-512 VNNI, AMD's third generation among
    # them, where they are 1.4 to 2 times as fast, and without them few batch sizes agree to the last bit.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}


def prepare_tensorflow() -> None:
    """Set them where they are not set yet; to be called before TensorFlow is imported."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
