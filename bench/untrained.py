"""Bundles of generators with random weights, as large as trained ones, for measurements that need many of them."""

from pathlib import Path

import tensorflow as tf

from bundle.manifest import Manifest
from bundle.store import Bundle, Store
from training.frozen import FrozenGenerator
from training.networks import build_generator
from training.recipe import load_recipe

WIDTH = 48
"""As that of the shipped generator."""
SCALE = 3.0
"""Of the weights: a fresh network is nearly grey."""


def publish_untrained(store: Store, name: str, resolution: int, width: int = WIDTH) -> Bundle:
    """Publish a new version of a model that nobody trained."""
    recipe = load_recipe("ns", [f"generator.width={width}"])
    tf.keras.utils.set_random_seed(0)
    frozen = FrozenGenerator(build_generator(recipe, resolution, 3))
    for variable in frozen.variables:
        variable.assign(SCALE * variable)

    def write(folder: Path, version: int) -> Manifest:
        frozen.save(folder)
        (folder / "assets.extra").mkdir()
        return Manifest.model_validate(
            {
                "name": name,
                "version": version,
                "latent_dim": frozen.latent_dim,
                "image": {"height": resolution, "width": resolution, "channels": 3},
                "files": {},
                "data": {
                    "name": "none",
                    "digest": "sha256:" + "0" * 64,
                    "count": 1,
                    "license": "CC0",
                    "attribution": "",
                },
                "recipe": "ns",
                "settings": {},
                "images_seen": 1,
                "software": {},
                "created": "2026-01-01T00:00:00Z",
            }
        )

    return store.publish(name, None, write)
