"""The catalogue: the models that are served, each with its engine and queue, and how new versions take their place."""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from bundle.errors import BundleError, UnknownBundle
from bundle.store import Bundle, Skipped, Store, open_bundle
from service.engine.batcher import Batcher
from service.engine.device import Device, step_back
from service.engine.protocol import BatchSize, EngineError, Loader
from service.settings import Settings
from service.startup import Startup
from service.store_watch import TRY_AGAIN, Candidate, StoreWatch, candidate_of, reason_of

logger = logging.getLogger("figment.catalogue")

P = ParamSpec("P")
R = TypeVar("R")

MIB = 2**20

Key = tuple[str, int]
"""A model's name and version."""


class UnknownModel(Exception):
    """No model or version of that name is served; `known` are the names, or the versions, that are."""

    def __init__(self, what: str, known: list[str]) -> None:
        super().__init__(f"no {what}; there are: {', '.join(known) or 'none'}")
        self.known = known


class NotReady(Exception):
    """Nothing can be served now; says why."""


@dataclass(eq=False)
class Model:
    """A bundle that is loaded and warm.

    `precision` and `fingerprint` are the engine's; `weights`: bytes of its weights' files; `users`: requests that hold
    it.
    """

    bundle: Bundle
    precision: str
    fingerprint: str
    sizes: tuple[BatchSize, ...]
    batcher: Batcher
    weights: int = 0
    users: int = 0
    used: float = 0.0
    """When it was last asked for, by a clock of its own kind."""
    retired: bool = False
    """Nobody gets it any more: it is freed when the last request that has it is answered."""

    @property
    def label(self) -> str:
        """`name/version`."""
        return f"{self.bundle.manifest.name}/{self.bundle.manifest.version}"

    @property
    def identity(self) -> str:
        """What the pixels of a latent depend on: the bundle, and how it is computed here."""
        return f"{self.bundle.digest};{self.precision};{self.fingerprint}"


class Catalogue:
    """What is served. It belongs to the event loop; disk and loading are left to threads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        device: Device | None = None,
        startup: Startup | None = None,
        batching: type[Batcher] = Batcher,
    ) -> None:
        self._batching = batching
        self.settings, self.store, self._startup = settings, store, startup or Startup()
        self.device = device or Device(settings.in_flight)
        """Where inference runs."""
        self.shelf: dict[str, Bundle] = {}
        """The version that is served of each name, loaded or not."""
        self.models: dict[str, Model] = {}
        """Those of the shelf that are loaded."""
        self.others: dict[Key, Model] = {}
        """Loaded versions that were asked for by their number."""
        self.loading, self.stopping = True, False
        self.loaded = 0
        """Versions that were loaded so far."""
        self.refusals = Counter[str]()
        """Versions that were refused so far, by `REASONS`."""
        self._watch = StoreWatch(store)
        self._loader: Loader | None = None
        self._loads: dict[Key, asyncio.Task[Model]] = {}
        self._failures: dict[Key, tuple[float, Exception]] = {}
        """Versions that were asked for and are not good: until when that is remembered, and why."""
        self._freeing: set[asyncio.Task[bool]] = set()
        self._thread = ThreadPoolExecutor(1, "load", step_back)
        """Where bundles are read and loaded, one at a time: other threads are for requests."""

    @property
    def skipped(self) -> list[Skipped]:
        """What is in the store and not served, with the reason."""
        return self._watch.skipped

    def versions(self, name: str) -> list[int]:
        """Those of a model that can be asked for: in the store and not known to be bad, or served; newest first."""
        skipped, folder = {item.path for item in self.skipped}, self.store.root / name
        there = self._watch.versions.get(name, [])
        good = {v for v in there if folder / str(v) not in skipped and (name, v) not in self._failures}
        return sorted(good | {self.shelf[name].manifest.version}, reverse=True)

    @property
    def state(self) -> str:
        """Why requests should not be sent here, in words; empty if they should."""
        if self.stopping:
            return "stopping"
        if self.loading:
            return "starting: the models are being loaded"
        return self._reason_not_ready() or self.wedged

    @property
    def wedged(self) -> str:
        """Why the device is given up, in words; empty if it is not."""
        reason = self.device.wedged(self.settings.wedged)
        return f"the device hangs: {reason}" if reason else ""

    @property
    def default_name(self) -> str:
        """The model that answers when none is named."""
        return self.settings.default_model or min(self.shelf, default="")

    @asynccontextmanager
    async def borrow(self, name: str | None, version: int | None = None) -> AsyncIterator[Model]:
        """A model for one request, loaded if it must be; while it is held it stays loaded.

        Raises:
            NotReady: it may be loading still, nothing is served, or the default model is not.
            UnknownModel: others are served, not the one that was named, or that version is not there or not good.
        """
        model = await self._obtain(name, version)
        while model.retired:  # before it was held: others were loaded, and there was no room
            model = await self._obtain(name, version)
        model.users += 1
        model.used = time.monotonic()
        try:
            yield model
        finally:
            model.users -= 1
            if model.retired and not model.users:
                self._free(model)

    async def load(self, loader: Loader) -> None:
        """Load the highest version of every model that can be; what cannot is skipped with its reason."""
        self._loader = loader
        logger.info("loading the models of %s", self.store.root)
        with self._startup.part("the models"):
            await self.refresh()
        self.loading = False
        logger.info("started in %s", self._startup.text())
        if reason := self._reason_not_ready():
            logger.error("not ready: %s", reason)

    async def watch(self, loader: Loader) -> None:
        """Load what there is, then what is published, for ever."""
        await self.load(loader)
        while True:
            await asyncio.sleep(self.settings.poll)
            await self.refresh()

    async def refresh(self) -> None:
        """Look at the store once: of every name the highest new version that is good takes the served one's place."""
        served = {name: bundle.manifest.version for name, bundle in self.shelf.items()}
        before = {(item.path, item.reason) for item in self.skipped}
        try:
            candidates = await self._apart(self._watch.look, served)
            for candidate in candidates:
                if candidate.version > served.get(candidate.name, 0) and await self._promote(candidate):
                    served[candidate.name] = candidate.version
            self._watch.prune(served)
        except Exception as error:  # whatever it is, the service goes on, and says what it could not do
            logger.exception("reading the store failed")
            self._watch.fail(unexpected(error))
        for item in self.skipped:
            if (item.path, item.reason) not in before:
                logger.warning("skipped %s: %s", item.path, item.reason)

    async def close(self) -> None:
        """Answer what waits, then free the models; what takes longer than FIGMENT_DRAIN is left behind."""
        self.stopping = True
        seconds = float(self.settings.drain)
        if self._loads:
            await asyncio.wait([*self._loads.values()], timeout=seconds)
        drained = await asyncio.gather(*(model.batcher.close(seconds) for model in self._all()), *self._freeing)
        self.models, self.others, self.shelf = {}, {}, {}
        ended = await asyncio.to_thread(self.device.close, seconds)
        self._thread.shutdown(wait=False, cancel_futures=True)
        if not ended or not all(drained):
            logger.error("stopped before all was answered: it took longer than FIGMENT_DRAIN, %g s", seconds)

    async def _apart(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Call a function in the thread that reads and loads."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *arguments, **named))

    async def _obtain(self, name: str | None, version: int | None) -> Model:
        bundle = self._find(name)
        name, current = bundle.manifest.name, bundle.manifest.version
        key = (name, current if version is None else version)
        model = self.models.get(name) if key[1] == current else self.others.get(key)
        return model or await self._loaded(key)

    def _find(self, name: str | None) -> Bundle:
        bundle = self.shelf.get(name or self.default_name)
        if bundle is not None and not self.stopping:
            return bundle
        if bundle is not None and self.models:
            return bundle  # still draining: what comes in the grace time is answered
        if name and self.shelf and not self.loading:
            raise UnknownModel(f"model {name!r}", sorted(self.shelf))
        raise NotReady(self.state)

    async def _loaded(self, key: Key) -> Model:
        """The model of a version, loaded once for all who ask at the same time."""
        until, failure = self._failures.get(key, (0.0, None))
        if failure is not None and time.monotonic() < until:
            raise failure
        if key not in self._loads:
            self._loads[key] = asyncio.create_task(self._load_and_keep(key), name=f"load {key[0]}/{key[1]}")
            self._loads[key].add_done_callback(lambda _: self._loads.pop(key))
        return await asyncio.shield(self._loads[key])

    async def _load_and_keep(self, key: Key) -> Model:
        """Load a version because it is asked for.

        Raises:
            UnknownModel: there is no such version, or it is not good; if it was the served one, a lower one comes.
        """
        name, version = key
        current = self._current(key)
        try:
            bundle = current if current is not None else await self._apart(self.store.open, name, version)
            model = await self._load_one(bundle)
        except UnknownBundle:
            versions = await self._apart(self.store.versions, name)
            raise self._remember(key, UnknownModel(f"version {version} of {name}", list(map(str, versions)))) from None
        except Exception as error:
            path = self.store.root / name / str(version)
            logger.exception("loading %s failed", path)
            reason = str(error) if isinstance(error, BundleError | EngineError) else unexpected(error)
            if current is not None and self._current(key) is current:  # so that a lower version takes its place
                del self.shelf[name]
                self._watch.refuse(await self._apart(candidate_of, name, version, path), reason)
                self.refusals[reason_of(error)] += 1
            good = [str(b.manifest.version) for b in (self.shelf.get(name),) if b is not None]
            _, shown = self.shown(Skipped(path, reason))
            unknown = UnknownModel(f"good version {version} of {name} ({shown})", good)
            raise self._remember(key, unknown) from error
        if self._current(key) is not None:
            self.models[name] = model
        else:
            self.others[key] = model
        self._make_room(model)
        return model

    def _current(self, key: Key) -> Bundle | None:
        """The bundle of a version if it is the served one."""
        bundle = self.shelf.get(key[0])
        return bundle if bundle is not None and bundle.manifest.version == key[1] else None

    def _remember(self, key: Key, failure: Exception) -> Exception:
        """Keep why a version cannot be had, so that asking again does not read and load it again."""
        now = time.monotonic()
        self._failures = {k: kept for k, kept in self._failures.items() if kept[0] > now}
        self._failures[key] = (now + TRY_AGAIN, failure)
        return failure

    async def _promote(self, candidate: Candidate) -> bool:
        """Check a new version, and let it take the served one's place if it is good."""
        name, version = candidate.name, candidate.version
        try:
            bundle, weights = await self._apart(_read, candidate.path)
            if name in self.shelf or not self.models or self._has_room(weights):
                model = self.others.pop((name, version), None) or await self._load_one(bundle)
                old, self.models[name], self.shelf[name] = self.models.get(name), model, bundle
                if old is not None:
                    logger.info("%s takes the place of %s", model.label, old.label)
                    self._retire(old)
                self._make_room(model)
            else:
                logger.info("%s/%d is loaded when it is asked for: FIGMENT_MEMORY is full", name, version)
                self.shelf[name] = bundle
        except (BundleError, EngineError) as error:
            self._watch.refuse(candidate, str(error))
            self.refusals[reason_of(error)] += 1
        except Exception as error:
            logger.exception("loading %s failed", candidate.path)
            self._watch.refuse(candidate, unexpected(error))
            self.refusals[reason_of(error)] += 1
        else:
            self._failures.pop((name, version), None)
            return True
        return False

    async def _load_one(self, bundle: Bundle) -> Model:
        """Load and warm; runs of the warm-up take turns with the batches of what is served."""
        loader, settings = self._loader, self.settings
        assert loader is not None

        def load_and_warm() -> Model:
            engine = loader(bundle)
            sizes = engine.warm(settings.max_batch, lambda run: self.device.call(run).result())
            label = f"{bundle.manifest.name}/{bundle.manifest.version}"
            batcher = self._batching(self.device, engine, sizes, settings.queue, settings.deadline, label)
            gc.collect()  # TensorFlow's functions are cycles, which would wait for Python's own time
            return Model(
                bundle, engine.precision, engine.fingerprint, sizes, batcher, weights_of(bundle), used=time.monotonic()
            )

        begin = time.perf_counter()
        model = await self._apart(load_and_warm)
        self.loaded += 1
        sizes = ", ".join(str(size.rows) for size in model.sizes)
        logger.info("%s ready after %.1f s; batch sizes %s", model.label, time.perf_counter() - begin, sizes)
        return model

    def _has_room(self, weights: int) -> bool:
        return sum(model.weights for model in self._all()) + weights <= self.settings.memory * MIB

    def _make_room(self, keep: Model) -> None:
        """Unload what was not asked for longest, until the weights fit; the default model stays, and so does `keep`."""
        default = self.models.get(self.default_name)
        while sum(model.weights for model in self._all()) > self.settings.memory * MIB:
            victims = [model for model in self._all() if model not in (keep, default)]
            if not victims:
                return
            victim = min(victims, key=lambda model: model.used)
            logger.info("%s is unloaded: FIGMENT_MEMORY is full, and it was not asked for longest", victim.label)
            manifest = victim.bundle.manifest
            if self.models.get(manifest.name) is victim:
                del self.models[manifest.name]
            self.others.pop((manifest.name, manifest.version), None)
            self._retire(victim)

    def _all(self) -> Iterator[Model]:
        yield from self.models.values()
        yield from self.others.values()

    def _retire(self, model: Model) -> None:
        model.retired = True
        if not model.users:
            self._free(model)

    def _free(self, model: Model) -> None:
        task = asyncio.create_task(self._release(model.batcher), name=f"free {model.label}")
        self._freeing.add(task)
        task.add_done_callback(self._freeing.discard)

    async def _release(self, batcher: Batcher) -> bool:
        drained = await batcher.close(float(self.settings.drain))
        del batcher
        await self._apart(gc.collect)
        return drained

    def _reason_not_ready(self) -> str:
        if not self.shelf:
            reasons = "; ".join(": ".join(self.shown(item)) for item in self.skipped)
            return f"no model is served: {reasons or 'the store is empty'}"
        if self.default_name not in self.shelf:
            return f"FIGMENT_DEFAULT_MODEL is {self.default_name!r}; there are: {', '.join(sorted(self.shelf))}"
        return ""

    def shown(self, item: Skipped) -> tuple[str, str]:
        """A skipped folder and the reason as clients see them: without the server's own path, and valid Unicode."""
        root = self.store.root
        path = item.path.relative_to(root).as_posix() if item.path != root else "the store"
        reason = item.reason
        if root.is_absolute():
            reason = reason.replace(f"{root}/", "").replace(str(root), "the store")
        return _printable(path), _printable(reason)


def _read(folder: Path) -> tuple[Bundle, int]:
    """A bundle whose digests are right, and the bytes of its weights."""
    bundle = open_bundle(folder)
    return bundle, weights_of(bundle)


def weights_of(bundle: Bundle) -> int:
    """Bytes of the files that hold a bundle's weights: about what it takes in memory."""
    return sum(path.stat().st_size for path in (bundle.path / "variables").glob("*"))


def unexpected(error: Exception) -> str:
    """What a client is told of an error that nobody foresaw: its text may name the server's own files."""
    return f"an unexpected {type(error).__name__}; the service's log says more"


def _printable(text: str) -> str:
    """Names of files need not be valid Unicode; JSON has to be."""
    return text.encode("utf-8", "backslashreplace").decode()
