import math
from collections.abc import Callable, Collection

import numpy as np
import pytest

from training.budget import CLEAN_SHAPES, FIRST_SHAPES, Preset, between, choose_by, expectation, resized
from training.errors import Failed
from training.probe import Timing
from training.recipe import Recipe, load_recipe

Small = Callable[..., Recipe]


class Machine:
    """A machine without noise, or with it, on which a step takes batch · n_critic · (a·w + b·w²) and compiling 10 s."""

    def __init__(self, speed: float = 1.0, noise: float = 0.0, seed: int = 0, bfloat16: float = 1.0) -> None:
        self.speed, self.noise, self.bfloat16 = speed, noise, bfloat16
        self.random, self.timed = np.random.default_rng(seed), []

    def seconds_per_image(self, recipe: Recipe) -> float:
        width = recipe.generator.width
        seconds = (5e-5 * width + 1.6e-6 * width**2) / self.speed
        return seconds / (self.bfloat16 if recipe.precision == "bfloat16" else 1.0)

    def __call__(self, recipe: Recipe) -> Timing:
        self.timed.append((recipe.generator.width, recipe.precision))
        off = 1 + self.noise * self.random.uniform(-1, 1)
        return Timing(self.seconds_per_image(recipe) * recipe.images_per_step * off, 10.0, 15.0)


def preset(
    minutes: float, machine: Machine, *overrides: str, recipe: str = "ns", fixed: Collection[str] = (), **more: bool
) -> Preset:
    return choose_by(machine, load_recipe(recipe, list(overrides)), 60 * minutes, fixed, more.get("bfloat16", False))


@pytest.mark.parametrize(
    ("minutes", "width", "timed"),
    [(5, 32, [64, 32]), (30, 32, [64, 32]), (45, 48, [64, 32]), (60, 64, [64, 96]), (160, 96, [64, 96])],
)  # fmt: skip
def test_the_widest_network_is_taken_that_learns_from_enough_images(
    minutes: float, width: int, timed: list[int]
) -> None:
    machine = Machine()
    chosen = preset(minutes, machine)
    assert (chosen.recipe.generator.width, chosen.recipe.discriminator.width) == (width, width)
    assert [w for w, _ in machine.timed] == timed
    wider = {32: 48, 48: 64, 64: 96}.get(width)
    if wider:  # it would not have been enough
        assert chosen.images * machine.seconds_per_image(chosen.recipe) < CLEAN_SHAPES * machine.seconds_per_image(
            resized(chosen.recipe, wider, None)
        )
    assert chosen.images >= CLEAN_SHAPES or width == 32


@pytest.mark.parametrize("minutes", [5, 20, 45, 60, 200])
@pytest.mark.parametrize("speed", [0.3, 1.0, 40.0])
@pytest.mark.parametrize("recipe", ["ns", "wgan-gp"])
def test_the_run_ends_within_the_time(minutes: float, speed: float, recipe: str) -> None:
    machine = Machine(speed)
    chosen = preset(minutes, machine, recipe=recipe)
    training = chosen.images * machine.seconds_per_image(chosen.recipe)
    spent = 15 * len(machine.timed) + 10
    assert (
        0.8 * 60 * minutes - spent < training <= 0.9 * 60 * minutes - spent + 1e-6
        or chosen.recipe.generator.width == 48
    )
    assert training + spent <= 0.95 * 60 * minutes


@pytest.mark.parametrize("seed", range(5))
def test_the_width_that_is_not_measured_is_off_by_less_than_the_noise(seed: int) -> None:
    machine = Machine(noise=0.1, seed=seed)
    low, high = machine(load_recipe("ns", ["generator.width=32"])), machine(load_recipe("ns"))
    true = machine.seconds_per_image(load_recipe("ns", ["generator.width=48"])) * 64
    assert between(32, low.step, 64, high.step, 48) == pytest.approx(true, rel=0.12)


def test_the_width_in_between_agrees_with_what_was_measured() -> None:
    """CPU time of an image, `ns`, 64 px, batch 32, one thread, widths 32, 48, 64: ms, scattering by 7 % themselves."""
    assert between(32, 14.06, 64, 57.76, 48) == pytest.approx(32.65, rel=0.03)


def test_the_width_in_between_is_reckoned_by_a_power_law() -> None:
    assert between(32, 32**1.5, 64, 64**1.5, 48) == pytest.approx(48**1.5)
    assert between(32, 0.005, 64, 0.005, 48) == pytest.approx(0.005)  # a device that waits for itself


@pytest.mark.parametrize(("minutes", "batch"), [(2, 16), (5, 16), (10, 32), (60, 64)])
def test_short_runs_have_small_batches(minutes: float, batch: int) -> None:
    chosen = preset(minutes, Machine())
    assert chosen.recipe.batch_size == batch
    assert batch == 16 or chosen.images / batch >= 4000
    assert batch == 64 or chosen.images / (2 * batch) < 4000


@pytest.mark.parametrize("recipe", ["wgan", "wgan-gp"])
def test_images_count_that_the_generator_learns_from(recipe: str) -> None:
    machine = Machine(speed=5)
    chosen = preset(60, machine, recipe=recipe)
    assert preset(60, Machine(speed=5)).recipe.generator.width == 96
    assert chosen.recipe.generator.width == 64
    assert chosen.images >= 5 * CLEAN_SHAPES


@pytest.mark.parametrize("key", ["generator.width", "discriminator.width"])
def test_a_width_that_the_user_set_stays_and_is_the_only_one_timed(key: str) -> None:
    machine = Machine()
    chosen = preset(60, machine, f"{key}=40", fixed=[key])
    given = load_recipe("ns", [f"{key}=40"])
    assert (chosen.recipe.generator, chosen.recipe.discriminator) == (given.generator, given.discriminator)
    assert len(machine.timed) == 1


@pytest.mark.parametrize("size", [8, 24, 200])
def test_a_batch_size_that_the_user_set_stays(size: int) -> None:
    chosen = preset(60, Machine(), f"batch_size={size}", fixed={"batch_size"})
    assert chosen.recipe.batch_size == size


@pytest.mark.parametrize(("group", "batches"), [(32, {32, 64}), (16, {16, 32, 64}), (0, {16, 32, 64}), (20, {60})])
@pytest.mark.parametrize("minutes", [3, 200])
def test_the_batch_stays_a_multiple_of_the_group(group: int, batches: set[int], minutes: float) -> None:
    given = [f"discriminator.minibatch_stddev={group}", f"batch_size={max(batches)}"]
    chosen = preset(minutes, Machine(), *given)
    assert chosen.recipe.batch_size in batches
    assert Recipe.model_validate(chosen.recipe.model_dump()) == chosen.recipe


@pytest.mark.parametrize(
    ("faster", "bfloat16", "fixed", "precision"),
    [
        (2.0, True, (), "bfloat16"), (1.05, True, (), "float32"), (0.4, True, (), "float32"),
        (2.0, False, (), "float32"), (2.0, True, ("precision",), "float32"),
    ],
)  # fmt: skip
def test_a_precision_is_taken_when_it_measured_faster(
    faster: float, bfloat16: bool, fixed: tuple[str, ...], precision: str
) -> None:
    machine = Machine(bfloat16=faster)
    chosen = preset(60, machine, fixed=fixed, bfloat16=bfloat16)
    assert chosen.recipe.precision == precision
    assert chosen.images_per_second == pytest.approx(1 / machine.seconds_per_image(chosen.recipe))
    assert (64, "bfloat16") in machine.timed or not bfloat16 or fixed


def test_what_was_measured_in_float32_is_not_measured_again() -> None:
    machine = Machine(bfloat16=0.5)
    preset(60, machine, bfloat16=True)
    assert machine.timed == [(64, "float32"), (64, "bfloat16"), (96, "float32")]


@pytest.mark.parametrize("seconds", [5, 20, 30])
def test_a_time_that_compiling_uses_up_is_refused_with_what_would_do(seconds: float) -> None:
    machine = Machine()
    with pytest.raises(Failed, match=r"15 s were used up by compiling and measuring; take at least --budget 1m"):
        preset(seconds / 60, machine, bfloat16=True)
    assert machine.timed == [(64, "float32")]


@pytest.mark.parametrize("seconds", [31, 45, 60])
def test_where_there_is_no_time_to_try_another_it_is_the_one_that_was_tried(seconds: float) -> None:
    machine = Machine()
    chosen = preset(seconds / 60, machine, bfloat16=True)
    assert machine.timed == [(64, "float32")]
    assert (chosen.recipe.generator.width, chosen.recipe.precision) == (64, "float32")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (0, "colours and outlines"), (FIRST_SHAPES - 1, "colours and outlines"),
        (FIRST_SHAPES, "first shapes, not yet"),
        (CLEAN_SHAPES - 1, "first shapes, not yet"), (CLEAN_SHAPES, "clean shapes, rare parts missing"),
    ],
)  # fmt: skip
def test_what_to_expect_is_said_in_words(images: int, words: str) -> None:
    assert expectation(images).startswith(words)


def test_a_person_reads_what_was_chosen() -> None:
    chosen = preset(60, Machine())
    assert chosen.text == (
        "width 64, batches of 64, float32: about 330,000 images at 103 images/s (30 s of the 1 h 0 min went to "
        "compiling and measuring, 10% are spared for checkpoints and measures). To expect: clean shapes, rare parts "
        "missing"
    )


@pytest.mark.parametrize(("minutes", "kept"), [(1.5, 4), (10, 12), (60, 40), (600, 40)])
def test_short_runs_keep_fewer_checkpoints(minutes: float, kept: int) -> None:
    chosen = preset(minutes, Machine())
    assert math.isclose(chosen.images / chosen.every, kept, rel_tol=0.01)
