import json
from collections.abc import Callable

import pytest

from training.cluster import Cluster, check_parts, read_cluster
from training.errors import Failed
from training.recipe import Recipe

Small = Callable[..., Recipe]


def tf_config(cluster: object, kind: str, index: object) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_cluster_survives_the_environment(index: int) -> None:
    cluster = Cluster(("a:1", "b:2", "a:3"), index)
    assert read_cluster({"TF_CONFIG": cluster.tf_config()}) == cluster
    assert cluster.chief == (index == 0)


@pytest.mark.parametrize(("kind", "index", "expected"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_a_chief_comes_before_the_workers(kind: str, index: int, expected: int) -> None:
    environment = tf_config({"worker": ["b:1", "c:1"], "chief": ["a:1"]}, kind, index)
    assert read_cluster(environment) == Cluster(("a:1", "b:1", "c:1"), expected)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "needs the environment variable TF_CONFIG"),
        ({"TF_CONFIG": "{"}, "Expecting property name"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG cannot be used"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "it has no 'task'"),
        (tf_config({"worker": ["a:1"]}, "worker", 1), "worker 1, is not in its cluster"),
        (tf_config({"worker": ["a:1"]}, "worker", "x"), "invalid literal"),
        (tf_config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), "its cluster has ps"),
        (tf_config({"worker": ["a"]}, "worker", 0), "'a' is no address"),
    ],
)
def test_what_is_wrong_with_tf_config_is_said(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        read_cluster(environment)


@pytest.mark.parametrize(("index", "expected"), [(0, (0, 2)), (1, (0, 1)), (2, (1, 2))])
def test_workers_on_one_machine_share_it(index: int, expected: tuple[int, int]) -> None:
    assert Cluster(("a:1", "b:1", "a:2"), index).share_of_machine() == expected


@pytest.mark.parametrize(("batch", "group", "parts"), [(8, 0, 2), (8, 2, 4), (12, 3, 2), (64, 8, 8)])
def test_a_batch_is_cut_into_equal_parts(small_recipe: Small, batch: int, group: int, parts: int) -> None:
    check_parts(small_recipe("ns", f"batch_size={batch}", f"discriminator.minibatch_stddev={group}"), parts)


@pytest.mark.parametrize(("batch", "group", "parts", "fit"), [(9, 0, 2, 10), (8, 4, 4, 16), (30, 5, 4, 40)])
def test_a_batch_that_cannot_be_cut_is_refused(
    small_recipe: Small, batch: int, group: int, parts: int, fit: int
) -> None:
    recipe = small_recipe("ns", f"batch_size={batch}", f"discriminator.minibatch_stddev={group}")
    with pytest.raises(Failed, match=rf"{parts} equal parts.*--set batch_size={fit}$"):
        check_parts(recipe, parts)
    check_parts(recipe.model_copy(update={"batch_size": fit}), parts)
