import math

import pytest

from bundle.manifest import Measure
from training.watch import DEAD_LINES, collapse, dead_discriminator, diverged, memorisation


def measure(value: float, floor: float | None) -> Measure:
    return Measure(value=value, floor=floor, about="")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"a": math.nan}, "a is"),
        ({"a": 1.0, "b": math.inf, "c": -math.inf}, "b, c is"),
        ({"norm": math.nan}, "norm is"),
    ],
)
def test_what_is_not_finite_is_named(values: dict[str, float], named: str) -> None:
    trouble = diverged(values)
    assert trouble is not None
    assert trouble.kind == "diverged"
    assert trouble.text.startswith(f"{named} no longer finite")


@pytest.mark.parametrize("values", [{}, {"a": 0.0}, {"a": -1e30, "b": 1e-300}])
def test_what_is_finite_is_no_trouble(values: dict[str, float]) -> None:
    assert diverged(values) is None


@pytest.mark.parametrize(
    ("value", "floor", "widest", "images"),
    [(10.0, 70.0, 0.9, 5_000), (0.0, 70.0, 0.75, 0), (35.0, 70.0, 1.1, 10**6), (20.0, 70.0, 0.3, 100_000)],
)
def test_images_that_hardly_vary_any_more_or_never_did_are_a_collapse(
    value: float, floor: float, widest: float, images: int
) -> None:
    trouble = collapse(measure(value, floor), widest, images)
    assert trouble is not None
    assert trouble.kind == "collapse"
    assert f"vary by {value:.1f}, real ones by {floor:.1f}" in trouble.text


@pytest.mark.parametrize(
    ("value", "floor", "widest", "images"),
    [
        (60.0, 70.0, 0.9, 10**5), (90.0, 70.0, 1.3, 10**6), (1.0, 70.0, 0.5, 99_999), (35.1, 70.0, 0.9, 10**5),
        (1.0, None, 0.9, 10**6),
    ],
)  # fmt: skip
def test_images_that_vary_enough_or_have_just_begun_are_none(
    value: float, floor: float | None, widest: float, images: int
) -> None:
    assert collapse(measure(value, floor), widest, images) is None


def lines(count: int, **values: float) -> list[dict[str, float]]:
    return [{"loss_d": 1.0, "score_spread": 1.0} | values] * count


@pytest.mark.parametrize("loss", ["hinge", "wasserstein", "least-squares", "non-saturating", "minimax", "relativistic"])
def test_a_discriminator_that_says_the_same_of_all_is_dead(loss: str) -> None:
    trouble = dead_discriminator(lines(DEAD_LINES, score_spread=1e-6), loss)
    assert trouble is not None
    assert (trouble.kind, "the same score" in trouble.text) == ("dead-discriminator", True)
    assert dead_discriminator(lines(DEAD_LINES - 1, score_spread=1e-6), loss) is None
    assert dead_discriminator([*lines(9, score_spread=1e-6), *lines(1)], loss) is None


@pytest.mark.parametrize(
    ("loss", "dead"),
    [("non-saturating", True), ("minimax", True), ("relativistic", True), ("hinge", False), ("wasserstein", False)],
)  # fmt: skip
def test_a_cross_entropy_that_is_never_wrong_is_dead(loss: str, dead: bool) -> None:
    trouble = dead_discriminator(lines(DEAD_LINES, loss_d=1e-5), loss)
    assert (trouble is not None) == dead
    if trouble is not None:
        assert "never wrong" in trouble.text


@pytest.mark.parametrize("loss", ["hinge", "non-saturating"])
def test_a_discriminator_at_work_is_not(loss: str) -> None:
    assert dead_discriminator(lines(20), loss) is None
    assert dead_discriminator([], loss) is None


@pytest.mark.parametrize(("share", "learnt"), [(0.9, True), (0.21, True), (0.2, False), (0.01, False)])
def test_many_near_copies_are_memorisation(share: float, learnt: bool) -> None:
    trouble = memorisation(measure(share, 0.01))
    assert (trouble is not None) == learnt
    if trouble is not None:
        assert trouble.kind == "memorisation"
        assert f"{share:.0%}" in trouble.text
