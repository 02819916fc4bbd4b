"""The catalogue: the models that are served, each with its engine and its queue, and what was skipped."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bundle.errors import BundleError
from bundle.store import Bundle, Skipped, Store
from service.engine.batcher import Batcher
from service.engine.protocol import BatchSize, EngineError, Loader
from service.settings import Settings

logger = logging.getLogger("figment.catalogue")


class UnknownModel(Exception):
    """No model of that name is served; `known` are the names that are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no model {name!r}; there are: {', '.join(known) or 'none'}")
        self.known = known


class NotReady(Exception):
    """Nothing can be served now; says why."""


@dataclass(frozen=True)
class Model:
    """A bundle that is loaded and warm."""

    bundle: Bundle
    sizes: tuple[BatchSize, ...]
    batcher: Batcher

    @property
    def label(self) -> str:
        """`name/version`."""
        return f"{self.bundle.manifest.name}/{self.bundle.manifest.version}"


@dataclass
class Catalogue:
    """What is served. `state` says in words why nothing is, or is empty."""

    settings: Settings
    store: Store
    models: dict[str, Model] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    state: str = "starting: the models are being loaded"
    device: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
    )
    """The one thread in which inference runs."""

    def get(self, name: str | None) -> Model:
        """The model of that name, or the default one.

        Raises:
            NotReady: starting, stopping, or nothing is served.
            UnknownModel: others are served, not this one.
        """
        if not self.models:
            raise NotReady(self.state)
        name = name or self.default_name
        if name not in self.models:
            raise UnknownModel(name, sorted(self.models))
        return self.models[name]

    @property
    def default_name(self) -> str:
        """The model that answers when none is named."""
        return self.settings.default_model or min(self.models, default="")

    async def load(self, loader: Loader) -> None:
        """Load the highest good version of every model; what cannot be loaded is skipped with its reason."""
        loop = asyncio.get_running_loop()
        bundles, skipped = await loop.run_in_executor(None, self.store.scan)
        self.skipped = skipped
        for bundle in bundles:
            await self._load_one(loader, bundle)
        for item in self.skipped:
            logger.warning("skipped %s: %s", item.path, item.reason)
        self.state = self._reason_not_ready()
        if self.state:
            logger.error("not ready: %s", self.state)

    async def _load_one(self, loader: Loader, bundle: Bundle) -> None:
        def load_and_warm() -> Model:
            engine = loader(bundle)
            sizes = engine.warm(self.settings.max_batch)
            settings = self.settings
            batcher = Batcher(engine, self.device, sizes, settings.queue, settings.deadline)
            return Model(bundle, sizes, batcher)

        begin = time.perf_counter()
        try:
            model = await asyncio.get_running_loop().run_in_executor(self.device, load_and_warm)
        except (BundleError, EngineError) as error:
            self.skipped.append(Skipped(bundle.path, str(error)))
        except Exception as error:
            logger.exception("loading %s failed", bundle.path)
            self.skipped.append(Skipped(bundle.path, f"{type(error).__name__}: {error}"))
        else:
            self.models[bundle.manifest.name] = model
            sizes = ", ".join(str(size.rows) for size in model.sizes)
            logger.info("%s ready after %.1f s; batch sizes %s", model.label, time.perf_counter() - begin, sizes)

    def _reason_not_ready(self) -> str:
        if not self.models:
            reasons = "; ".join(f"{self.relative(item)}: {item.reason}" for item in self.skipped)
            return f"no model is served: {reasons or 'the store is empty'}"
        if self.default_name not in self.models:
            return f"FIGMENT_DEFAULT_MODEL is {self.default_name!r}; there are: {', '.join(sorted(self.models))}"
        return ""

    def relative(self, item: Skipped) -> str:
        """A skipped folder as clients see it: inside the store, without the server's own path."""
        path: Path = item.path
        return path.relative_to(self.store.root).as_posix() if path != self.store.root else "the store"

    async def close(self) -> None:
        """Answer what waits, then free the models."""
        self.state = "stopping"
        await asyncio.gather(*(model.batcher.close() for model in self.models.values()))
        self.models = {}
        self.device.shutdown()
