"""The distance of what a graph draws from a picture, and its gradient; and whole searches on the models there are."""

import asyncio
import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.manifest import Manifest
from bundle.points import parse_point
from bundle.store import Bundle, Store
from service.app import create_app
from service.engine.protocol import Projector
from service.pictures.uploads import read_picture
from service.projection.search import Limits, State, search
from service.projection.space import Space
from service.settings import Settings
from tests.service.conftest import manifest_of

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parent.parent.parent.parent
HELD_OUT = ROOT.parent / "shared/data/adventurer-64-heldout.zip"
LATENTS = latents_of(range(3), 16)


@pytest.fixture(scope="module")
def load() -> Callable[[Bundle], Any]:
    from service.engine.savedmodel import open_device

    return open_device("cpu")


@pytest.fixture
def publish_head(store: Store) -> Callable[..., Bundle]:
    """Publishes a generator of 8 × 8 pixels that ends in a `head` of x, float32 about 0 … 255."""

    def publish(head: Callable[[Any], Any]) -> Bundle:
        import tensorflow as tf

        def write(folder: Path, version: int) -> Manifest:
            module = tf.Module()
            module.weights = tf.Variable(np.random.RandomState(0).randn(16, 192) / 4, dtype="float32")

            @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.float32, name="latents")])
            def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
                x = (tf.tanh(latents @ module.weights) + 1.0) * 127.5
                return {"images": head(tf.reshape(x, [-1, 8, 8, 3]))}

            tf.saved_model.save(module, str(folder), {"serving_default": generate})
            return manifest_of("tiny", (8, 8, 3))

        return store.publish("tiny", None, write)

    return publish


def heads() -> dict[str, Callable[[Any], Any]]:
    import tensorflow as tf

    return {
        "rounded": lambda x: tf.cast(tf.round(x), tf.uint8),
        "clipped": lambda x: tf.cast(tf.clip_by_value(tf.round(x), 0.0, 255.0), tf.uint8),
        "clipped before": lambda x: tf.identity(tf.cast(tf.round(tf.clip_by_value(x, 0.0, 255.0)), tf.uint8)),
        "cut": lambda x: tf.cast(x + 0.5, tf.uint8),
        "float64": lambda x: tf.cast(tf.round(tf.cast(x, tf.float64)), tf.uint8),
        "stopped": lambda x: tf.cast(tf.round(tf.stop_gradient(x)), tf.uint8),
        "by whole numbers": lambda x: tf.cast(tf.round(tf.cast(tf.cast(x, tf.int32), tf.float32)), tf.uint8),
        "not registered": lambda x: tf.cast(tf.round(tf.raw_ops.AdjustHue(images=x, delta=0.1)), tf.uint8),
        "whole": lambda x: tf.bitcast(tf.cast(tf.cast(x, tf.int8), tf.int8), tf.uint8),
    }


@pytest.mark.parametrize("head", ["rounded", "clipped", "clipped before", "cut", "float64"])
def test_a_graph_that_rounds_has_a_gradient(load: Any, publish_head: Any, head: str) -> None:  # noqa: ANN401
    engine = load(publish_head(heads()[head]))
    projector: Projector = engine.projector()
    assert projector.differentiable
    target = engine.run(latents_of([7], 16))[0]
    measured, sloped = projector.measure(LATENTS, target), projector.slope(LATENTS, target)
    pixels = engine.run(LATENTS).astype(np.float64)
    assert measured.distances == pytest.approx(((pixels - target) ** 2).mean(axis=(1, 2, 3)) / 255**2, rel=0.02)
    assert (measured.losses > measured.distances).all()
    assert sloped.losses == pytest.approx(measured.losses, rel=1e-4)
    assert sloped.gradients is not None
    for i in range(4):
        moved = [LATENTS.copy(), LATENTS.copy()]
        moved[0][:, i] += 1e-2
        moved[1][:, i] -= 1e-2
        difference = (projector.measure(moved[0], target).losses - projector.measure(moved[1], target).losses) / 2e-2
        assert sloped.gradients[:, i] == pytest.approx(difference, rel=0.05, abs=2e-4)


@pytest.mark.parametrize("head", ["stopped", "by whole numbers", "not registered", "whole"])
def test_a_graph_without_a_gradient_is_searched(
    load: Any, publish_head: Any, head: str, caplog: pytest.LogCaptureFixture  # noqa: ANN401
) -> None:  # fmt: skip
    engine = load(publish_head(heads()[head]))
    projector = engine.projector()
    assert not projector.differentiable
    assert "no gradient" in caplog.text
    target = engine.run(latents_of([7], 16))[0]
    best = min(projector.measure(Space(16).random(np.random.RandomState(0)), target).distances)
    found = search(projector, target, Space(16), Limits(100, 60.0, 0))
    assert found.method == "search"
    assert found.distance < best / 2
    again = ((engine.run(found.latent[np.newaxis])[0].astype(float) - target) ** 2).mean() / 255**2
    assert again == pytest.approx(found.distance, rel=0.1, abs=1e-5)


def test_it_is_made_once(load: Any, real_store: Store) -> None:  # noqa: ANN401
    engine = load(real_store.open("tiny"))
    assert engine.projector() is engine.projector()


def shipped(version: int) -> Bundle:
    return Store(ROOT / "models").open("adventurer", version)


def projected(load: Any, version: int, target: np.ndarray | int, seconds: float = 60.0) -> tuple[float, State, float]:  # noqa: ANN401
    """The distance of the best of 256 random latents, what was found, and how far what it draws is from the target."""
    bundle = shipped(version)
    manifest, engine = bundle.manifest, load(bundle)
    space, projector = Space(manifest.latent_dim, manifest.class_shares), engine.projector()
    if isinstance(target, int):
        target = engine.run(latents_of([target], manifest.latent_dim))[0]
    best = float(projector.measure(space.random(np.random.RandomState(1)), target).distances.min())
    found = search(projector, target, space, Limits(200, seconds, 1))
    drawn = engine.run(found.latent[np.newaxis])[0].astype(np.float64)
    return best, found, float(((drawn - target) ** 2).mean()) / 255**2


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("seed", [7, 90001])
def test_a_picture_that_the_model_drew_is_found_far_closer_than_by_chance(load: Any, version: int, seed: int) -> None:  # noqa: ANN401
    best, found, drawn = projected(load, version, seed)
    assert found.method == "gradient"
    assert drawn == pytest.approx(found.distance, rel=0.05, abs=1e-5)
    assert drawn < best / 4, (best, found.distance)


@pytest.mark.parametrize("place", [0, 2])
def test_a_picture_that_it_never_saw_comes_closer(load: Any, place: int) -> None:  # noqa: ANN401
    if not HELD_OUT.exists():
        pytest.skip("the held-out avatars are not there: shared/data/adventurer-64-heldout.zip")
    with zipfile.ZipFile(HELD_OUT) as avatars:
        names = sorted(name for name in avatars.namelist() if name.endswith(".png"))
        target = read_picture(avatars.read(names[place]), 64, 64, 3)
    best, _, drawn = projected(load, 2, target)
    assert drawn < 0.8 * best


async def test_pictures_are_drawn_while_one_is_projected() -> None:
    app = create_app(Settings(models=ROOT / "models", max_batch=4, device="cpu"), Store(ROOT / "models"))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://figment", trust_env=False) as client,
    ):
        while app.state.catalogue.loading:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        target = await client.get("/images/7.png")
        asked, drawn = asyncio.create_task(client.post("/project?seconds=10&seed=1", content=target.content)), 0
        while not asked.done():
            assert (await client.get(f"/images/{drawn}.png")).status_code == 200
            drawn += 1
        result = (await asked).json()
        async with app.state.catalogue.borrow("adventurer") as model:
            latent = np.frombuffer(parse_point(result["point"]).numbers, "<f4")
            pixels = (await model.batcher.generate(latent[np.newaxis]))[0]
    assert drawn > 10
    assert result["method"] == "gradient"
    assert np.array_equal(read_picture(base64.b64decode(result["png"]), 64, 64, 3), pixels)
