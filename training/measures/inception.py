"""The features of FID: the Inception network of 2015, from the file that the definition names.

Heusel et al. 2017 (arXiv 1706.08500) compute FID from the 2048 numbers of the layer `pool_3` of the frozen TensorFlow
graph `classify_image_graph_def.pb` of 5 December 2015, fed with RGB images of 0 … 255 that the graph itself resizes to
299 px (their code: bioinf-jku/TTUR, fid.py). Nothing else is called FID here, and nothing is downloaded.
"""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf

from bundle.manifest import Measure
from training.measures.frechet import frechet_distance, gaussian
from training.measures.images import Floats, Images, check_pair, drawn

INPUT: Final = "ExpandDims"
RESIZE: Final = "ResizeBilinear"
OUTPUT: Final = "pool_3"
WIDTH: Final = 2048
FEWEST: Final = 2
"""Images a side: a covariance needs two. Below 2,048 it is singular, and FID is far too high; `about` says so."""
LARGEST_FILE: Final = 500 * 2**20
"""Bytes; the graph has 96 million."""
_AT_ONCE: Final = 50


class InceptionError(ValueError):
    """The file is not that graph; says what is missing."""


class Inception:
    """The graph of a file. `digest`: the file's, "sha256:…", by which a figure can be checked."""

    def __init__(self, path: Path) -> None:
        """Read the graph.

        Raises:
            InceptionError: the file is no such graph.
            OSError: it cannot be read.
        """
        if path.stat().st_size > LARGEST_FILE:
            raise InceptionError(f"{path} is too large for classify_image_graph_def.pb, which has 96 million bytes")
        content = path.read_bytes()
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        graph = tf.compat.v1.GraphDef()
        try:
            graph.ParseFromString(content)
        except Exception as error:  # protobuf's DecodeError, whose module has no types
            raise InceptionError(
                f"{path} is no frozen TensorFlow graph; FID needs classify_image_graph_def.pb of 2015-12-05"
            ) from error
        missing = [name for name in (INPUT, RESIZE, OUTPUT) if name not in {node.name for node in graph.node}]
        if missing:
            raise InceptionError(
                f"{path} has no node {', '.join(missing)}: it is not classify_image_graph_def.pb of 2015-12-05, "
                "on which alone FID is defined"
            )

        def pooled(images: tf.Tensor) -> tf.Tensor:
            inputs = {f"{INPUT}:0": images}
            return tf.import_graph_def(graph, input_map=inputs, return_elements=[f"{OUTPUT}:0"], name="")[0]

        self._pooled = tf.compat.v1.wrap_function(pooled, [tf.TensorSpec([None, None, None, 3], tf.float32)])

    def features(self, images: Images) -> Floats:
        """uint8 [n, h, w, 1 or 3] → float32 [n, 2048]; grey images are shown as RGB.

        Raises:
            InceptionError: the graph answers another number of features.
            ValueError: images with transparency.
        """
        if images.shape[-1] == 4:
            raise ValueError("FID is defined for RGB images; these have an alpha channel")
        if images.shape[-1] == 1:
            images = images.repeat(3, axis=-1)
        parts = [self._batch(images[i : i + _AT_ONCE]) for i in range(0, len(images), _AT_ONCE)]
        return np.concatenate(parts)

    def _batch(self, images: Images) -> Floats:
        answer: Floats = self._pooled(tf.constant(images, tf.float32)).numpy().reshape(len(images), -1)
        if answer.shape[1] != WIDTH:
            raise InceptionError(f"{OUTPUT} has {answer.shape[1]} features instead of {WIDTH}: it is another graph")
        return answer


def fid(
    inception: Inception, real: Images, fake: Images, train: Images | None = None, seed: int = 0
) -> dict[str, Measure]:
    """`fid`: the Fréchet Inception Distance (Heusel et al. 2017, 1706.08500, eq. 6) of equally many images a side.

    Its floor is that of as many training images, and missing without them. There is no interval: FID is biased by the
    number of images, which a jackknife would mistake for spread.

    Args:
        inception: the graph.
        real: uint8 [n, h, w, c], held-out images; c is 1 or 3.
        fake: uint8 [m, h, w, c]; equally many of both are taken.
        train: uint8 [k, h, w, c], images that were trained on.
        seed: of which are taken.

    Raises:
        ValueError: images that cannot be compared, too few, or with transparency.
    """
    check_pair(real, fake)
    count = min(len(real), len(fake))
    if count < FEWEST:
        raise ValueError(f"{len(real)} real and {len(fake)} generated images are too few for FID; {FEWEST} are needed")
    about = f"Fréchet Inception Distance (Heusel 2017) of {count} images a side, on the graph {inception.digest}" + (
        f"; far too high with fewer than {WIDTH}" if count <= WIDTH else ""
    )
    heldout = gaussian(inception.features(drawn(real, count, seed)))

    def distance(images: Images, draw: int) -> float:
        return frechet_distance(heldout, gaussian(inception.features(drawn(images, count, draw))))

    floor = None if train is None or len(train) < count else distance(train, seed + 2)
    return {"fid": Measure(value=distance(fake, seed + 1), floor=floor, count=count, seed=seed, about=about)}
