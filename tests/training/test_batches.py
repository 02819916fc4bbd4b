from collections.abc import Callable

import numpy as np
import pytest

from training.batches import Batches
from training.dataset import DataFacts, ImageSet
from training.recipe import Recipe

Small = Callable[..., Recipe]


@pytest.mark.parametrize("name", ["ns", "wgan-gp"])
@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
def test_the_images_of_a_step_are_a_function_of_seed_and_step(small_recipe: Small, name: str, seed: int) -> None:
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    data = ImageSet(images, DataFacts("", 10, "", ()))
    recipe = small_recipe(name)
    batches = Batches(data, recipe, seed)
    drawn = [batches.at(step)[0] for step in range(5)]
    assert batches.at(0)[1] is None
    assert drawn[0].shape == (recipe.n_critic, 4, 1, 1, 1)
    for step in (4, 1, 3):
        np.testing.assert_array_equal(Batches(data, recipe, seed).at(step)[0], drawn[step])
    stream = np.concatenate(drawn).ravel()
    for epoch in range(len(stream) // 10):
        assert sorted(stream[epoch * 10 : epoch * 10 + 10]) == list(range(10))  # batches go across epochs


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_go_with_their_images(small_recipe: Small, seed: int) -> None:
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    labels = (np.arange(10, dtype=np.int32) * 7) % 3
    data = ImageSet(images, DataFacts("", 10, "", ()), labels, ("a", "b", "c"))
    batches = Batches(data, small_recipe("wgan-gp"), seed)
    for step in range(4):
        drawn, classes = batches.at(step)
        assert classes is not None
        np.testing.assert_array_equal(classes, labels[drawn[..., 0, 0, 0]])
