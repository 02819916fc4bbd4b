"""Latents and images among the inputs and outputs of a signature."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from bundle.store import Bundle
from tests.training.importing.foreign import LATENT_DIM, Raw, save
from training.importing.finding import Choices, find
from training.importing.opening import opened
from training.importing.questions import Question, Refused

pytestmark = pytest.mark.tensorflow

Bring = Callable[..., Bundle]


def test_several_outputs_are_asked_for(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()

    def draw(z: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": raw.draw(z), "mask": raw.draw(-z), "features": z}

    path = save(tmp_path / "foreign", raw, draw=draw)
    with pytest.raises(Refused, match=r"could be the output: 'image'.*'mask'.*--output image or mask"):
        bring(path)
    assert bring(path, output="mask").manifest.settings["output"] == "mask"
    with pytest.raises(Refused, match=r"there is no output 'pictures'; there is features, image, mask"):
        bring(path, output="pictures")


def test_a_classifier_is_refused(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()
    with pytest.raises(Refused, match="a classifier or an encoder is no generator"):
        bring(save(tmp_path / "foreign", raw, draw=lambda z: tf.nn.softmax(z)))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint8])
def test_whole_numbers_are_no_latents(tmp_path: Path, bring: Bring, dtype: tf.DType) -> None:
    raw = Raw()
    path = save(tmp_path / "foreign", raw, draw=lambda z: raw.draw(tf.cast(z, tf.float32)), dtype=dtype)
    with pytest.raises(Refused, match=f"'z' \\({dtype.name} \\[n, 6\\]\\): no latents"):
        bring(path)
    with pytest.raises(Refused, match="latents are floating-point numbers"):
        bring(path, input="z")


def test_a_boolean_output_is_no_picture(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()
    path = save(tmp_path / "foreign", raw, draw=lambda z: tf.cast(raw.draw(z) * 9.0, tf.int32))
    with pytest.raises(Refused, match="int32: images are floating-point numbers or uint8"):
        bring(path)


def test_a_free_size_of_the_input_is_refused(tmp_path: Path, bring: Bring) -> None:
    raw = Raw(latents=(None, None, None, LATENT_DIM))
    with pytest.raises(Refused, match=r"\[n, \?, \?, 6\]: the size of its images depends on the size of its input"):
        bring(save(tmp_path / "foreign", raw))


def test_an_unknown_size_of_a_latent_is_asked_for(tmp_path: Path, bring: Bring) -> None:
    path = save(tmp_path / "foreign", Raw(latents=(None, None)))
    with pytest.raises(Refused, match=r"how many numbers a latent has .* say it with --latent-dim"):
        bring(path)
    assert bring(path, latent_dim=LATENT_DIM).manifest.latent_dim == LATENT_DIM


def test_a_size_that_is_known_is_not_to_be_said_otherwise(tmp_path: Path, bring: Bring) -> None:
    with pytest.raises(Refused, match="--latent-dim 7, but 'z' is float32"):
        bring(save(tmp_path / "foreign", Raw()), latent_dim=7)


@pytest.mark.parametrize(
    ("fixed", "reason"),
    [({"label": "1"}, "--fix label: beside the latents there is no input")],
)
def test_an_input_that_is_not_there(tmp_path: Path, bring: Bring, fixed: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        bring(save(tmp_path / "foreign", Raw()), fixed=fixed)


@pytest.mark.parametrize("value", ["x", "1,2", ""])
def test_a_value_that_does_not_fit(tmp_path: Path, bring: Bring, value: str) -> None:
    raw = Raw()
    extra = [tf.TensorSpec([None, 3], tf.float32, name="style")]
    path = save(tmp_path / "foreign", raw, extra, lambda z, style: raw.draw(z) + style[:, None, None, :])
    with pytest.raises(Refused, match=r"--fix style=.*'style' is float32 \[n, 3\]"):
        bring(path, fixed={"style": value})


def test_a_person_can_answer(tmp_path: Path) -> None:
    raw = Raw()
    path = save(tmp_path / "foreign", raw, draw=lambda z: {"a": raw.draw(z), "b": raw.draw(z)}, names=("x", "y"))
    asked: list[Question] = []

    def ask(question: Question) -> str:
        asked.append(question)
        return question.answers[-1]

    with opened(path) as foreign:
        signature = find(foreign, Choices(), ask)
    assert (signature.name, signature.output) == ("y", "b")
    assert [question.flag for question in asked] == ["--signature", "--output"]
