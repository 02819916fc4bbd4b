import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from training.checkpoints import KEEP, Checkpoints  # noqa: E402
from training.gan import Gan  # noqa: E402
from training.recipe import Recipe  # noqa: E402
from training.run import RunError  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
Values = list[NDArray[Any]]


def scrambled(gan: Gan, seed: int) -> Values:
    """Sets every variable to random numbers, and answers them."""
    random = np.random.default_rng(seed)
    values = [np.asarray(random.integers(1, 1000, v.shape)).astype(v.dtype) for v in gan.snapshot()]
    values[-1] = np.asarray(seed, values[-1].dtype)  # the step
    gan.restore(values)
    return values


def same(one: Values, two: Values) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.fixture
def gan(small_recipe: Small) -> Gan:
    return Gan(small_recipe(), 32, 3, seed=0)


@pytest.fixture
def two(gan: Gan, tmp_path: Path) -> tuple[Values, Values]:
    """The states of two checkpoints, of the steps 10 and 20."""
    checkpoints = Checkpoints(gan, tmp_path)
    states = []
    for step in (10, 20):
        states.append(scrambled(gan, step))
        checkpoints.save()
    scrambled(gan, 99)
    return states[0], states[1]


@pytest.mark.parametrize("name", ["ns", "wgan-gp"])
def test_every_variable_comes_back_in_another_process_state(small_recipe: Small, tmp_path: Path, name: str) -> None:
    before = Gan(small_recipe(name), 32, 3, seed=0)
    state = scrambled(before, 7)
    Checkpoints(before, tmp_path).save()
    after = Gan(small_recipe(name), 32, 3, seed=1)
    assert Checkpoints(after, tmp_path).restore() == 7
    assert same(after.snapshot(), state)


def test_the_last_one_is_taken(gan: Gan, two: tuple[Values, Values], tmp_path: Path) -> None:
    assert Checkpoints(gan, tmp_path).restore() == 20
    assert same(gan.snapshot(), two[1])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: os.truncate(path, 0),
    "cut off": halve,
    "a byte turned": flip_a_byte,
    "something else": lambda path: path.write_bytes(b"x" * 5000),
}


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_where_the_last_is_damaged_the_one_before_is_taken_whole(
    gan: Gan, two: tuple[Values, Values], tmp_path: Path, suffix: str, damage: Callable[[Path], object]
) -> None:
    damage(tmp_path / f"ckpt-20.{suffix}")
    assert Checkpoints(gan, tmp_path).restore() == 10
    assert same(gan.snapshot(), two[0])


def test_after_a_fall_back_the_run_goes_on_and_the_damage_is_written_over(
    gan: Gan, two: tuple[Values, Values], tmp_path: Path
) -> None:
    halve(tmp_path / "ckpt-20.data-00000-of-00001")
    checkpoints = Checkpoints(gan, tmp_path)
    checkpoints.restore()
    for step in (15, 20):
        state = scrambled(gan, step)
        checkpoints.save()
    scrambled(gan, 99)
    assert Checkpoints(gan, tmp_path).restore() == 20
    assert same(gan.snapshot(), state)


def test_where_none_can_be_read_it_says_why(gan: Gan, two: tuple[Values, Values], tmp_path: Path) -> None:
    for step in (10, 20):
        halve(tmp_path / f"ckpt-{step}.data-00000-of-00001")
    with pytest.raises(RunError, match=r"no checkpoint in .* can be read: ckpt-20: .*; ckpt-10: "):
        Checkpoints(gan, tmp_path).restore()


def test_where_there_is_none_it_says_so(gan: Gan, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is none"):
        Checkpoints(gan, tmp_path / "nothing").restore()


def test_a_checkpoint_of_other_networks_is_refused(
    gan: Gan, two: tuple[Values, Values], small_recipe: Small, tmp_path: Path
) -> None:
    wider = Gan(small_recipe("ns", "generator.width=8"), 32, 3, seed=0)
    with pytest.raises(RunError, match="can be read: ckpt-20"):
        Checkpoints(wider, tmp_path).restore()


def test_only_the_last_ones_are_kept(gan: Gan, tmp_path: Path) -> None:
    checkpoints = Checkpoints(gan, tmp_path)
    for step in (1, 2, 3, 4, 5):
        scrambled(gan, step)
        checkpoints.save()
    assert sorted(p.name for p in tmp_path.glob("*.index")) == [f"ckpt-{s}.index" for s in (1, 2, 3, 4, 5)[-KEEP:]]


def test_saving_a_step_again_keeps_the_one_before(gan: Gan, two: tuple[Values, Values], tmp_path: Path) -> None:
    checkpoints = Checkpoints(gan, tmp_path)
    checkpoints.restore()
    for _ in range(3):
        checkpoints.save()
    flip_a_byte(tmp_path / "ckpt-20.data-00000-of-00001")
    assert Checkpoints(gan, tmp_path).restore() == 10


def test_a_checkpoint_that_cannot_be_written_says_so_and_the_last_is_kept(
    gan: Gan, two: tuple[Values, Values], tmp_path: Path
) -> None:
    checkpoints = Checkpoints(gan, tmp_path)
    (tmp_path / "ckpt-30.index").mkdir()  # where the file should come
    (tmp_path / "ckpt-30.index" / "x").touch()
    scrambled(gan, 30)
    with pytest.raises(RunError, match="no checkpoint can be written to"):
        checkpoints.save()
    assert Checkpoints(gan, tmp_path).restore() == 20
    assert same(gan.snapshot(), two[1])


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff\xff", b"no list at all {"])
def test_what_is_there_is_found_without_tensorflows_own_list(
    gan: Gan, two: tuple[Values, Values], tmp_path: Path, content: bytes | None
) -> None:
    if content is None:
        (tmp_path / "checkpoint").unlink()
    else:
        (tmp_path / "checkpoint").write_bytes(content)
    checkpoints = Checkpoints(gan, tmp_path)
    assert checkpoints.restore() == 20
    assert same(gan.snapshot(), two[1])
    checkpoints.save()
    assert Checkpoints(gan, tmp_path).restore() == 20


def test_what_was_passed_over_is_told(gan: Gan, two: tuple[Values, Values], tmp_path: Path) -> None:
    halve(tmp_path / "ckpt-20.index")
    checkpoints = Checkpoints(gan, tmp_path)
    checkpoints.restore()
    assert [problem.partition(":")[0] for problem in checkpoints.problems] == ["ckpt-20"]


def test_a_text_comes_back_with_the_state(gan: Gan, tmp_path: Path) -> None:
    scrambled(gan, 5)
    Checkpoints(gan, tmp_path).save("ψ")
    again = Checkpoints(gan, tmp_path)
    assert (again.restore(), again.note) == (5, "ψ")
