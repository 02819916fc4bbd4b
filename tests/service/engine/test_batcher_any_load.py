"""Whatever arrives, is cancelled and fails: every request is answered exactly once, with its own images."""

import asyncio
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.batcher import Batcher
from service.engine.device import Device
from service.engine.protocol import EngineError, Latents, Pixels
from service.engine.schedule import QueueFull
from tests.service.fake_engine import PATIENCE, FakeEngine, at_once, pixels_of

MAX_ROWS = 24
MAX_BATCH = 8


@dataclass(frozen=True)
class Arrival:
    rows: int
    pause: int
    """Turns of the event loop before it comes."""
    cancel_after: int | None
    """Turns of the event loop after which its caller hangs up."""


arrivals = st.builds(
    Arrival,
    rows=st.integers(1, 20),
    pause=st.integers(0, 6),
    cancel_after=st.none() | st.integers(0, 12),
)


class FlakyEngine(FakeEngine):
    """Fails the batches whose numbers it was given."""

    def __init__(self, failing: set[int]) -> None:
        super().__init__((1, 4, 3))
        self._failing = failing

    def run(self, latents: Latents) -> Pixels:
        if len(self.batches) in self._failing:
            self.failures.append(EngineError("this batch fails"))
        return super().run(latents)


async def turns(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def ask(batcher: Batcher, latents: Latents, arrival: Arrival) -> Pixels | Exception:
    task = asyncio.create_task(batcher.generate(latents))
    if arrival.cancel_after is not None:
        await turns(arrival.cancel_after)
        task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        return asyncio.InvalidStateError("cancelled")
    error = task.exception()
    assert error is None or isinstance(error, Exception)
    return error or task.result()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(arrivals, min_size=1, max_size=25), st.sets(st.integers(0, 15), max_size=5), st.booleans(),
    st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_every_request_is_answered_exactly_once(
    load: list[Arrival], failing: set[int], held: bool, in_flight: int
) -> None:
    engine = FlakyEngine(failing)
    if held:
        engine.gate.clear()
    asked = [np.random.RandomState(i).randn(item.rows, 4).astype(np.float32) for i, item in enumerate(load)]

    async def scenario() -> list[Pixels | Exception]:
        device = Device(in_flight)
        try:
            batcher = Batcher(device, engine, engine.warm(MAX_BATCH, at_once), MAX_ROWS, deadline=30.0)
            waiting = []
            for latents, arrival in zip(asked, load, strict=True):
                await turns(arrival.pause)
                waiting.append(asyncio.create_task(ask(batcher, latents, arrival)))
                assert batcher.waiting_rows <= MAX_ROWS
            await turns(2)
            engine.gate.set()
            async with asyncio.timeout(PATIENCE):
                answers = await asyncio.gather(*waiting)
                await batcher.close(PATIENCE)
            assert batcher.waiting_rows == 0
            return answers
        finally:
            await asyncio.to_thread(device.close, PATIENCE)

    answers = asyncio.run(scenario())
    for latents, arrival, answer in zip(asked, load, answers, strict=True):
        if isinstance(answer, np.ndarray):
            assert np.array_equal(answer, pixels_of(latents, (1, 4, 3)))
        elif isinstance(answer, asyncio.InvalidStateError):
            assert arrival.cancel_after is not None
        elif isinstance(answer, QueueFull):
            assert answer.retry_after >= 1
        else:
            assert isinstance(answer, EngineError)
            assert failing
    assert set(engine.sizes) <= {1, 2, 4, 8}
    whole = [row.tobytes() for latents in asked for row in latents]
    run = [row.tobytes() for batch in engine.batches for row in batch if row.any()]
    assert failing or len(run) == len(set(run)), "a row was run twice"
    assert set(run) <= set(whole)
