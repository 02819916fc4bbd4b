"""The catalogue: the models that are served, each with its engine and its queue, and what was skipped."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from bundle.errors import BundleError
from bundle.store import Bundle, Skipped, Store
from service.engine.batcher import Batcher
from service.engine.device import Device
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
    """What is served."""

    settings: Settings
    store: Store
    models: dict[str, Model] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    loading: bool = True
    stopping: bool = False
    device: Device = field(default_factory=Device)
    """Where inference runs."""

    def get(self, name: str | None) -> Model:
        """The model of that name, or the default one.

        Raises:
            NotReady: it may be loading still, nothing is served, or the default model is not.
            UnknownModel: others are served, not the one that was named.
        """
        model = self.models.get(name or self.default_name)
        if model is not None:
            return model
        if name and self.models and not self.loading:
            raise UnknownModel(name, sorted(self.models))
        raise NotReady(self.state)

    @property
    def state(self) -> str:
        """Why requests should not be sent here, in words; empty if they should."""
        if self.stopping:
            return "stopping"
        if self.loading:
            return "starting: the models are being loaded"
        return self._reason_not_ready()

    @property
    def default_name(self) -> str:
        """The model that answers when none is named."""
        return self.settings.default_model or min(self.models, default="")

    async def load(self, loader: Loader) -> None:
        """Load the highest version of every model that can be; what cannot is skipped with its reason."""
        logger.info("loading the models of %s", self.store.root)
        try:
            bundles, self.skipped = await asyncio.to_thread(self.store.scan)
            for bundle in bundles:
                await self._load_best(loader, bundle)
        except Exception as error:  # whatever it is, the service has to say that it is not ready, and why
            logger.exception("reading the store failed")
            self.skipped.append(Skipped(self.store.root, unexpected(error)))
        for item in self.skipped:
            logger.warning("skipped %s: %s", item.path, item.reason)
        self.loading = False
        if reason := self._reason_not_ready():
            logger.error("not ready: %s", reason)

    async def _load_best(self, loader: Loader, best: Bundle) -> None:
        bundle: Bundle | None = best
        while bundle is not None and not await self._load_one(loader, bundle):
            manifest = bundle.manifest
            bundle, skipped = await asyncio.to_thread(self.store.best, manifest.name, manifest.version)
            self.skipped += skipped

    async def _load_one(self, loader: Loader, bundle: Bundle) -> bool:
        def load_and_warm() -> Model:
            engine = loader(bundle)
            sizes = engine.warm(self.settings.max_batch, lambda run: self.device.call(run).result())
            settings = self.settings
            batcher = Batcher(self.device, engine, sizes, settings.queue, settings.deadline)
            return Model(bundle, sizes, batcher)

        begin = time.perf_counter()
        try:
            model = await asyncio.to_thread(load_and_warm)
        except (BundleError, EngineError) as error:
            self.skipped.append(Skipped(bundle.path, str(error)))
        except Exception as error:
            logger.exception("loading %s failed", bundle.path)
            self.skipped.append(Skipped(bundle.path, unexpected(error)))
        else:
            self.models[bundle.manifest.name] = model
            sizes = ", ".join(str(size.rows) for size in model.sizes)
            logger.info("%s ready after %.1f s; batch sizes %s", model.label, time.perf_counter() - begin, sizes)
            return True
        return False

    def _reason_not_ready(self) -> str:
        if not self.models:
            reasons = "; ".join(": ".join(self.shown(item)) for item in self.skipped)
            return f"no model is served: {reasons or 'the store is empty'}"
        if self.default_name not in self.models:
            return f"FIGMENT_DEFAULT_MODEL is {self.default_name!r}; there are: {', '.join(sorted(self.models))}"
        return ""

    def shown(self, item: Skipped) -> tuple[str, str]:
        """A skipped folder and the reason as clients see them: without the server's own path, and valid Unicode."""
        root = self.store.root
        path = item.path.relative_to(root).as_posix() if item.path != root else "the store"
        reason = item.reason
        if root.is_absolute():
            reason = reason.replace(f"{root}/", "").replace(str(root), "the store")
        return _printable(path), _printable(reason)

    async def close(self) -> None:
        """Answer what waits, then free the models."""
        self.stopping = True
        await asyncio.gather(*(model.batcher.close() for model in self.models.values()))
        self.models = {}
        await asyncio.to_thread(self.device.close)


def unexpected(error: Exception) -> str:
    """What a client is told of an error that nobody foresaw: its text may name the server's own files."""
    return f"an unexpected {type(error).__name__}; the service's log says more"


def _printable(text: str) -> str:
    """Names of files need not be valid Unicode; JSON has to be."""
    return text.encode("utf-8", "backslashreplace").decode()
