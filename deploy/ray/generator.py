"""A generator replica: it holds the engines, and batches the rows of all requests that reach it, from any ingress."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from bundle.store import Store
from deploy.ray.answers import Described, Refused, Wanted
from service.catalogue import Catalogue, Model, NotReady, UnknownModel
from service.cli import SWITCH_INTERVAL
from service.engine.device import Device, step_back
from service.engine.protocol import EngineError, Latents, Measured, Pixels
from service.engine.schedule import BatcherClosed, QueueFull
from service.loading import tensorflow_loader
from service.observability.batches import BatchObserver
from service.observability.collector import CatalogueCollector
from service.observability.metrics import Metrics
from service.projection.desk import NICENESS
from service.settings import Settings
from service.startup import Startup

T = TypeVar("T")


class Generator:
    """Latents in, pixels out. It is what the service is without HTTP: the same catalogue, batcher and device.

    The settings are the FIGMENT_ variables of the replica's process; the store has to hold the same on all nodes.
    """

    async def __init__(self) -> None:  # type: ignore[misc]  # Serve awaits it
        sys.setswitchinterval(SWITCH_INTERVAL)
        settings, startup = Settings(), Startup()
        metrics = Metrics()
        self.registry = metrics.registry
        """What is told of its batches, and of the models that it holds."""
        device = Device(settings.in_flight, observer=BatchObserver(metrics))
        self._catalogue = Catalogue(settings, Store(settings.models), device, startup)
        self.registry.register(CatalogueCollector(self._catalogue))
        self._projecting = ThreadPoolExecutor(1, "project", step_back, (NICENESS,))
        await self._catalogue.load(await asyncio.to_thread(tensorflow_loader, settings, startup))
        self._following = asyncio.create_task(self._follow(), name="watch")

    async def describe(self, name: str, version: int) -> Described | Refused:
        """What a model is here; it is loaded if it must be."""

        async def described() -> Described:
            async with self._catalogue.borrow(name, version) as model:
                return Described(model.bundle.digest, model.precision, model.fingerprint, model.sizes)

        return await answered(described)

    async def generate(self, wanted: Wanted, latents: Latents, deadline: float) -> Pixels | Refused:
        """The images of latents; they share batches with what else waits here.

        Args:
            wanted: the model; where this replica would draw other pixels it refuses.
            latents: float32 [n, latent_dim].
            deadline: seconds from now.
        """

        async def drawn() -> Pixels:
            async with self._model(wanted) as model:
                return await model.batcher.generate(latents, deadline)

        return await answered(drawn)

    async def differentiable(self, wanted: Wanted) -> bool | Refused:
        """Whether the graph of a model has a gradient."""

        async def told() -> bool:
            async with self._model(wanted) as model:
                projector = await self._project(model.batcher.engine.projector)
                return projector.differentiable

        return await answered(told)

    async def project(
        self, wanted: Wanted, what: Literal["measure", "slope"], latents: Latents, target: Pixels
    ) -> Measured | Refused:
        """One step of a search for a picture: see `Projector`. Steps are made one at a time, behind what is drawn."""

        async def measured() -> Measured:
            async with self._model(wanted) as model:
                engine = model.batcher.engine
                return await self._project(lambda: getattr(engine.projector(), what)(latents, target))

        return await answered(measured)

    @asynccontextmanager
    async def _model(self, wanted: Wanted) -> AsyncIterator[Model]:
        async with self._catalogue.borrow(wanted.name, wanted.version) as model:
            here = (model.bundle.digest, model.precision, model.fingerprint)
            if here != (wanted.digest, wanted.precision, wanted.fingerprint):
                raise EngineError(
                    f"a replica would draw {model.label} otherwise than another: give all the same processors or GPUs, "
                    "FIGMENT_PRECISION and store"
                )
            yield model

    async def _project(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._projecting, function)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._catalogue.settings.poll)
            await self._catalogue.refresh()

    async def check_health(self) -> None:
        """Asked by Serve, which replaces a replica that raises: one whose device hangs."""
        if reason := self._catalogue.wedged:
            raise RuntimeError(reason)

    async def close(self) -> None:
        """End as the service does: answer what waits, then free the models."""
        self._following.cancel()
        await self._catalogue.close()
        self._projecting.shutdown(wait=False, cancel_futures=True)


async def answered(make: Callable[[], Awaitable[T]]) -> T | Refused:
    """What a function makes, or why it cannot be had."""
    try:
        return await make()
    except QueueFull as error:
        return Refused("full", str(error).rpartition(";")[0], error.retry_after, error.cause)
    except (BatcherClosed, NotReady) as error:
        return Refused("stopping", str(error))
    except (EngineError, UnknownModel) as error:
        return Refused("failed", str(error))
