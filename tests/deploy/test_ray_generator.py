"""The generator replica, without Ray and on the fake engine: what it answers, and what it refuses."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.store import Bundle, Store
from deploy.ray.answers import Described, Refused, Wanted
from deploy.ray.generator import Generator, answered
from service.catalogue import NotReady, UnknownModel
from service.engine.protocol import EngineError
from service.engine.schedule import BatcherClosed, QueueFull
from tests.service.conftest import LATENT_DIM, publish_fake
from tests.service.fake_engine import FakeEngine, pixels_of

Made = Callable[..., Any]


@pytest.fixture
async def replica(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Generator, FakeEngine]]:  # noqa: ANN401
    store = Store(tmp_path / "models")
    publish_fake(store, "tiny")
    engines: list[FakeEngine] = []

    def load(bundle: Bundle) -> FakeEngine:
        engines.append(FakeEngine(version=bundle.manifest.version))
        return engines[-1]

    monkeypatch.setenv("FIGMENT_MODELS", str(store.root))
    monkeypatch.setenv("FIGMENT_POLL", "0.05")
    monkeypatch.setattr("deploy.ray.generator.tensorflow_loader", lambda settings, startup: load)
    monkeypatch.setattr("deploy.ray.generator.sys.setswitchinterval", lambda seconds: None)
    made = Generator.__new__(Generator)
    await Generator.__init__(made)  # type: ignore[func-returns-value]  # as Serve does
    yield made, engines[0]
    await made.close()


async def wanted(replica: Generator) -> Wanted:
    told = await replica.describe("tiny", 1)
    assert isinstance(told, Described)
    return Wanted("tiny", 1, told.digest, told.precision, told.fingerprint)


async def test_it_draws_what_the_engine_draws(replica: tuple[Generator, FakeEngine]) -> None:
    generator, _ = replica
    model = await wanted(generator)
    for seeds in ([0], [7, 8, 9], range(100, 140)):
        latents = latents_of(seeds, LATENT_DIM)
        np.testing.assert_array_equal(await generator.generate(model, latents, 30.0), pixels_of(latents))


@pytest.mark.parametrize("other", [{"digest": "sha256:0"}, {"precision": "float16"}, {"fingerprint": "another"}])
async def test_a_replica_that_would_draw_otherwise_refuses(
    replica: tuple[Generator, FakeEngine], other: dict[str, str]
) -> None:
    generator, engine = replica
    model = replace(await wanted(generator), **other)
    answer = await generator.generate(model, latents_of([1], LATENT_DIM), 30.0)
    assert isinstance(answer, Refused)
    assert answer.kind == "failed"
    assert "otherwise" in answer.reason
    assert engine.batches == []


async def test_a_version_that_is_not_there_is_refused(replica: tuple[Generator, FakeEngine]) -> None:
    answer = await replica[0].describe("tiny", 9)
    assert isinstance(answer, Refused)
    assert answer.kind == "failed"
    assert "version 9" in answer.reason


async def test_a_search_is_made_step_by_step(replica: tuple[Generator, FakeEngine]) -> None:
    generator, engine = replica
    model = await wanted(generator)
    assert await generator.differentiable(model) is True
    latents, target = latents_of([1, 2], LATENT_DIM), np.zeros((4, 4, 3), np.uint8)
    for what in ("measure", "slope"):
        answer = await generator.project(model, what, latents, target)  # type: ignore[arg-type]
        expected = getattr(engine.fake_projector, what)(latents, target)
        assert not isinstance(answer, Refused)
        np.testing.assert_array_equal(answer.losses, expected.losses)
        assert (answer.gradients is None) == (what == "measure")


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (QueueFull("too many wait", 6.2), Refused("full", "too many wait", 7)),
        (QueueFull("it would be late", 1.0, "deadline"), Refused("full", "it would be late", 1, "deadline")),
        (BatcherClosed("stopping"), Refused("stopping", "stopping")),
        (NotReady("starting"), Refused("stopping", "starting")),
        (EngineError("no memory"), Refused("failed", "no memory")),
        (UnknownModel("model 'x'", ["a"]), Refused("failed", "no model 'x'; there are: a")),
    ],
)
async def test_an_error_becomes_a_value_that_keeps_its_fields(error: Exception, refused: Refused) -> None:
    async def fail() -> None:
        raise error

    assert await answered(fail) == refused
