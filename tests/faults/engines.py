"""Engines that fail, and clocks that jump."""

import base64
import signal
import time

import numpy as np

from tests.faults import fake
from tests.faults.lab import SHAPE, Lab, damage, fingerprint, warmed
from tests.faults.load import Failure, Load
from tests.faults.outcome import Outcome
from tests.faults.stores import serves
from tests.service.conftest import LATENT_DIM, publish_fake

DEATHS = 5
GREEDY_REQUESTS = 10
GREED = 1000.0
"""Beyond `tests.faults.tiny_bundle.GREEDY`, which is not imported: it needs TensorFlow."""
JUMPS = len(fake.JUMPS)


def point(first: float) -> str:
    """The address of a latent that begins with a number."""
    numbers = np.zeros(LATENT_DIM, "<f4")
    numbers[0] = first
    return "z:" + base64.urlsafe_b64encode(numbers.tobytes()).decode().rstrip("=")


async def engine_thread_dies(lab: Lab) -> Outcome:
    """The engine's thread dies of an error that nobody catches: what was under way fails, the next is drawn."""
    outcome = Outcome("engine thread dies")
    store = lab.fake_store("death")
    files = fingerprint(store)
    async with lab.fake(store) as (replica, known, before):
        deaths: list[tuple[float, float]] = []
        async with Load(replica.url, known) as load:
            for _ in range(DEATHS):
                await load.reach(20)
                begin = time.monotonic()
                answer = await replica.get(f"/images/{point(fake.DEATH)}.png")
                assert answer.status_code == 500, answer.text
                assert answer.json()["type"] == "/problems/inference-failed"
                deaths.append((begin, time.monotonic()))
            outcome.healthy = await replica.healthy(known)
            await load.reach(20)

        def at_a_death(failure: Failure) -> bool:
            under_way = any(failure.begun <= ended and failure.ended >= begun for begun, ended in deaths)
            return failure.reason == "500 inference-failed" and under_way

        avoidable = load.answers.but(at_a_death)
        assert not avoidable, avoidable[:3]
        outcome.count(load.answers)
        _add(outcome, DEATHS, "500 inference-failed")
        metrics = (await replica.get("/metrics")).text
        assert f"figment_batch_loop_restarts_total {DEATHS}.0" in metrics
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def device_out_of_memory(lab: Lab) -> Outcome:
    """TensorFlow runs out of memory on some latents: they fail, and nobody who shares a batch with them."""
    outcome = Outcome("out of memory on the device")
    replica, known = await lab.real()
    store = lab.real_store()
    before, files = await warmed(replica, known), fingerprint(store)
    async with Load(replica.url, known) as load:
        await load.reach(20)
        for i in range(GREEDY_REQUESTS):
            answer = await replica.get(f"/images/{point(GREED + i)}.png")
            assert answer.status_code == 500, answer.text
            assert "OOM" in answer.json()["detail"] or "memory" in answer.json()["detail"], answer.text
        outcome.healthy = await replica.healthy(known)
        await load.reach(20)
    assert not load.answers.failures, load.answers.failures[:3]
    outcome.count(load.answers)
    _add(outcome, GREEDY_REQUESTS, "500 inference-failed")
    outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def clock_jumps(lab: Lab) -> Outcome:
    """The wall clock goes a day on, two back, ten years on and back: nobody waits for it."""
    outcome = Outcome("clock jumps")
    store = lab.fake_store("clock")
    files = fingerprint(store)
    async with lab.fake(store, deadline=20) as (replica, known, before):
        async with Load(replica.url, known) as load:
            for i in range(JUMPS):
                await load.reach(20)
                since = len(replica.said())
                replica.send(signal.SIGUSR1)
                await replica.hear("the clock jumped", since)
                outcome.healthy = max(outcome.healthy, await replica.healthy(known))
                publish_fake(store, "tiny", shape=SHAPE)
                await serves(replica, i + 2)  # the store is looked at as often as before
            await load.reach(20)
        assert not load.answers.failures, load.answers.failures[:3]
        assert not load.answers.refused
        outcome.count(load.answers)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


def _add(outcome: Outcome, count: int, reason: str) -> None:
    """Requests that the fault itself sent, and that had to fail."""
    outcome.sent += count
    outcome.failed[reason] = outcome.failed.get(reason, 0) + count
