"""Points: text to latents and back."""

import base64

import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.points import MAX_LATENT_DIM, Point, latents_of_points, parse_point, point_of
from bundle.seeds import parse_seed


@pytest.mark.parametrize(
    ("text", "seed"), [("0", 0), ("007", 7), ("4294967295", 2**32 - 1), ("ada", parse_seed("ada"))]
)
def test_a_text_is_the_point_of_its_seed(text: str, seed: int) -> None:
    assert parse_point(text) == Point(seed)
    assert parse_point(str(parse_point(text))) == Point(seed)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("latent_dim", [1, 2, 3, 64])
def test_a_latent_comes_back_to_the_last_bit(seed: int, latent_dim: int) -> None:
    latents = latents_of([seed], latent_dim)
    text = str(point_of(latents[0]))
    assert text.startswith("z:")
    assert "=" not in text
    np.testing.assert_array_equal(latents_of_points([parse_point(text)], latent_dim), latents)


@pytest.mark.parametrize("truncation", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("classes", [0, 3])
def test_points_of_both_kinds_are_truncated_alike(truncation: float, classes: int) -> None:
    seeds = [5, 6, 7]
    points = [Point(5), point_of(latents_of([6], 8)[0]), Point(7)]
    expected = latents_of(seeds, 8, truncation, classes)
    np.testing.assert_allclose(latents_of_points(points, 8, truncation, classes), expected, rtol=1e-6)


def _code(numbers: list[float]) -> str:
    return "z:" + base64.urlsafe_b64encode(np.asarray(numbers, "<f4").tobytes()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("-1", "whole number"),
        ("z:", "got 0 bytes"),
        ("z:A", "base64url"),
        ("z:AAAA", "got 3 bytes"),
        ("z:AAA*AA", "base64url"),
        ("z:AAAAAA==", "base64url"),
        (_code([float("nan")]), "finite"),
        (_code([1.0, float("-inf")]), "finite"),
        (_code([0.0] * (MAX_LATENT_DIM + 1)), "65536"),
    ],
)
def test_what_is_no_point_says_what_is_needed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_point(text)
    assert len(str(caught.value)) < 400


def test_a_latent_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="point 1 has 4 numbers; this model's latents have 8"):
        latents_of_points([Point(1), point_of(latents_of([1], 4)[0])], 8)
    assert latents_of_points([], 8).shape == (0, 8)
