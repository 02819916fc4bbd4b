"""The ingress's side: an engine and a batcher whose work is done by generator replicas.

A latent is drawn alike by every replica, so what was in flight on one that died is sent to another.
"""

import asyncio
import time
from typing import Any, Final, Literal

from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from bundle.store import Bundle
from deploy.ray.answers import Described, Refused, Wanted
from service.engine.batcher import Batcher
from service.engine.device import Device
from service.engine.protocol import BatchSize, Do, EngineError, Latents, Loader, Measured, Pixels
from service.engine.schedule import BatcherClosed, QueueFull
from service.engine.timing import Timing

TRIES: Final = 5
"""Replicas that are asked, one after the other, when each dies or stops."""
PAUSE: Final = 0.1
"""Seconds before the second try, twice as many before the third, …: until then Serve knows that a replica is gone."""
GONE: Final = (RayActorError, ReplicaUnavailableError)
"""What Ray raises when a replica dies with a request, or before it got it."""


class Replicas:
    """The generator replicas behind a handle, for the ingress's event loop and for its threads."""

    def __init__(self, handle: DeploymentHandle, loop: asyncio.AbstractEventLoop) -> None:
        self._handle, self._loop = handle, loop

    async def ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 (as the method answers)
        """Call a method of some replica; of another one when that is gone.

        Raises:
            QueueFull: too much waits there, or before all of them.
            BatcherClosed: so many were gone, one after the other.
            EngineError: it says that it failed.
        """
        for number in range(TRIES):
            if number:
                await asyncio.sleep(PAUSE * 2 ** (number - 1))
            response = getattr(self._handle, method).remote(*arguments)
            try:
                answer = await response
            except GONE:
                continue
            except BackPressureError as error:
                raise QueueFull("too many requests wait for a replica", error.retry_after_s or 1.0) from None
            except asyncio.CancelledError:  # its client hung up: the rows leave the replica's queue
                response.cancel()
                raise
            if not isinstance(answer, Refused):
                return answer
            if answer.kind != "stopping":
                raise error_of(answer)
        raise BatcherClosed(f"{TRIES} generator replicas were gone, one after the other")

    def ask_from_thread(self, method: str, *arguments: object) -> Any:  # noqa: ANN401
        """The same for a thread, which waits."""
        return asyncio.run_coroutine_threadsafe(self.ask(method, *arguments), self._loop).result()


def error_of(refused: Refused) -> Exception:
    """What the service raises of it."""
    if refused.kind == "full":
        return QueueFull(refused.reason, refused.retry_after, refused.cause)
    return EngineError(refused.reason)


class RemoteProjector:
    """See `Projector`: each step is a request to some replica."""

    def __init__(self, replicas: Replicas, wanted: Wanted) -> None:
        self._replicas, self._wanted = replicas, wanted
        self.differentiable: bool = replicas.ask_from_thread("differentiable", wanted)

    def measure(self, latents: Latents, target: Pixels) -> Measured:
        """See `Projector.measure`."""
        return self._step("measure", latents, target)

    def slope(self, latents: Latents, target: Pixels) -> Measured:
        """See `Projector.slope`."""
        return self._step("slope", latents, target)

    def _step(self, what: Literal["measure", "slope"], latents: Latents, target: Pixels) -> Measured:
        measured: Measured = self._replicas.ask_from_thread("project", self._wanted, what, latents, target)
        return measured


class RemoteEngine:
    """A bundle that replicas have loaded. `run` is for its batcher alone."""

    def __init__(self, replicas: Replicas, bundle: Bundle) -> None:
        self.replicas, self._bundle = replicas, bundle
        self.precision = self.fingerprint = ""
        self._projector: RemoteProjector | None = None

    @property
    def wanted(self) -> Wanted:
        """What a replica must have to draw the same."""
        manifest, digest = self._bundle.manifest, self._bundle.digest
        return Wanted(manifest.name, manifest.version, digest, self.precision, self.fingerprint)

    def warm(self, max_batch: int, do: Do) -> tuple[BatchSize, ...]:
        """Let a replica load and warm it; the sizes are those that it found."""
        manifest = self._bundle.manifest
        told: Described = self.replicas.ask_from_thread("describe", manifest.name, manifest.version)
        if told.digest != self._bundle.digest:
            raise EngineError("a replica's store holds another bundle of that name and version")
        self.precision, self.fingerprint = told.precision, told.fingerprint
        return told.sizes

    def run(self, latents: Latents) -> Pixels:
        """See `Engine.run`."""
        pixels: Pixels = self.replicas.ask_from_thread("generate", self.wanted, latents, float("inf"))
        return pixels

    def memory(self) -> None:
        """See `Engine.memory`: this process has no device."""

    def projector(self) -> RemoteProjector:
        """See `Engine.projector`."""
        if self._projector is None:
            self._projector = RemoteProjector(self.replicas, self.wanted)
        return self._projector


class RemoteBatcher(Batcher):
    """Sends the rows of each request to a replica at once: there they meet those of other requests and ingresses."""

    slowdown = 1.0
    """See `Batcher.slowdown`: replicas know theirs."""

    def __init__(
        self,
        device: Device,
        engine: RemoteEngine,
        sizes: tuple[BatchSize, ...],
        max_rows: int,
        deadline: float,
        label: str = "",
    ) -> None:
        self._engine, self._deadline = engine, deadline
        self._rows, self._closed = 0, False
        self._begun: list[float] = []
        """When those were sent that are not answered yet."""
        self._empty = asyncio.Event()

    @property
    def engine(self) -> RemoteEngine:
        """The engine of the model."""
        return self._engine

    @property
    def waiting_rows(self) -> int:
        """Rows that were sent and are not answered yet."""
        return self._rows

    @property
    def oldest(self) -> float:
        """See `Batcher.oldest`: of what was sent and is not answered yet."""
        return time.monotonic() - min(self._begun) if self._begun else 0.0

    def check(self, rows: int, deadline: float | None = None) -> None:
        """Nothing is refused here before it is sent: a replica knows how much waits for it."""
        if self._closed:
            raise BatcherClosed("the model is stopping")

    async def generate(self, latents: Latents, deadline: float | None = None, timing: Timing | None = None) -> Pixels:
        """See `Batcher.generate`; when the caller is cancelled, its rows leave the replica's queue.

        All of the time is that of inference: what of it is a replica's queue is not known here.
        """
        self.check(len(latents))
        timing, begun = timing or Timing(), time.monotonic()
        self._begun.append(begun)
        self._rows += len(latents)
        try:
            pixels: Pixels = await self._engine.replicas.ask(
                "generate", self._engine.wanted, latents, self._limit(deadline)
            )
        finally:
            timing.asked, timing.begun, timing.done = begun, begun, time.monotonic()
            self._begun.remove(begun)
            self._rows -= len(latents)
            if not self._rows:
                self._empty.set()
        return pixels

    async def close(self, seconds: float) -> bool:
        """Take no more requests, and return when those under way are answered, or after so long; whether they are."""
        self._closed = True
        self._empty.clear()
        if self._rows:
            try:
                await asyncio.wait_for(self._empty.wait(), seconds)
            except TimeoutError:
                return False
        return True


def remote_loader(replicas: Replicas) -> Loader:
    """What loads bundles: replicas do."""
    return lambda bundle: RemoteEngine(replicas, bundle)
