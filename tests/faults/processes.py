"""Processes that end: killed, told to end, and started again and again."""

import asyncio
import signal
import time

from tests.faults.lab import Lab, damage, fingerprint, warmed
from tests.faults.load import Failure, Load
from tests.faults.outcome import Outcome
from tests.faults.replica import Replica, until

RESTARTS = 5
GRACE = 5.0
"""Seconds of FIGMENT_GRACE, in which a balancer notices, however busy the machine is."""
UNHEEDED_GRACE = 1.0


async def sigkill_under_load(lab: Lab) -> Outcome:
    """SIGKILL under load: what was under way is lost; the next process draws the same."""
    outcome = Outcome("SIGKILL under load")
    replica, known = await lab.real()
    store = lab.real_store()
    before, files = await warmed(replica, known), fingerprint(store)
    async with Load(replica.url, known) as load:
        await load.reach(50)
        killed = time.monotonic()
        await replica.end(signal.SIGKILL)
        outcome.healthy = await replica.back(known)
        back = time.monotonic()
        await load.reach(50)
    avoidable = load.answers.but(lambda failure: failure.ended >= killed and failure.begun <= back)
    assert not avoidable, avoidable[:3]
    assert load.answers.failures
    outcome.count(load.answers)
    await warmed(replica, known)
    outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def sigterm_under_load(lab: Lab) -> Outcome:
    """SIGTERM under load, with clients that heed /readyz as a balancer does: nothing fails."""
    outcome = Outcome("SIGTERM under load, before a balancer")
    store = lab.fake_store("sigterm")
    files = fingerprint(store)
    async with lab.fake(store, grace=GRACE) as (replica, known, before):
        async with Load(replica.url, known) as load:
            await load.reach(100)
            ending = asyncio.create_task(replica.end())

            async def said_no() -> bool:
                return (await replica.get("/readyz")).status_code == 503

            await until(said_no, "/readyz was never 503")
            load.stop()
        assert await ending == 0
        assert not load.answers.failures, load.answers.failures[:3]
        outcome.count(load.answers)
        outcome.healthy = await replica.back(known)
        await warmed(replica, known)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def sigterm_unheeded(lab: Lab) -> Outcome:
    """SIGTERM under load, with clients that ask on: in the grace time all are answered, later nobody listens."""
    outcome = Outcome("SIGTERM under load, clients ask on")
    store = lab.fake_store("unheeded")
    files = fingerprint(store)
    async with lab.fake(store, grace=UNHEEDED_GRACE) as (replica, known, before):
        async with Load(replica.url, known) as load:
            await load.reach(100)
            told = time.monotonic()
            assert await replica.end() == 0
            await asyncio.sleep(0.2)

        def behind_the_end(failure: Failure) -> bool:
            after = failure.ended > told + UNHEEDED_GRACE
            return failure.reason in ("connection lost", "not connected") and after

        avoidable = load.answers.but(behind_the_end)
        assert not avoidable, avoidable[:3]
        assert load.answers.failures
        outcome.count(load.answers)
        outcome.healthy = await replica.back(known)
        await warmed(replica, known)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def restarts_in_a_row(lab: Lab) -> Outcome:
    """Started and ended again and again under load: no request fails while it says that it is ready."""
    outcome = Outcome(f"{RESTARTS} restarts in a row")
    store = lab.fake_store("restarts")
    files = fingerprint(store)
    async with lab.fake(store, grace=0.3) as (replica, known, before):
        async with Load(replica.url, known) as load:
            ready = [await _restart(replica, load) for _ in range(RESTARTS)]
            outcome.healthy = await replica.back(known)
            await load.reach(50)

        def while_down(failure: Failure) -> bool:
            return not any(begun <= failure.begun and failure.ended <= ended for begun, ended in ready)

        avoidable = load.answers.but(while_down)
        assert not avoidable, avoidable[:3]
        outcome.count(load.answers)
        await warmed(replica, known)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def _restart(replica: Replica, load: Load) -> tuple[float, float]:
    """Start it, if it is not there, and end it; returns from when to when it was there."""
    if not replica.alive:
        await replica.start()
    begun = time.monotonic()
    await load.reach(30)
    ended = time.monotonic()
    assert await replica.end() == 0
    return begun, ended
