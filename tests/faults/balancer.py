"""A rolling restart of two replicas behind HAProxy, as plain processes, by the configuration of deploy/haproxy."""

from tests.deploy.balancer import Balancer
from tests.faults.lab import Lab, damage, fingerprint, warmed
from tests.faults.load import Load
from tests.faults.outcome import Outcome
from tests.faults.replica import Replica, until

ROUNDS = 2
GRACE = 5.0
"""Seconds, of which HAProxy needs a fifth to notice, and on a busy machine more."""


async def rolling_restart(lab: Lab) -> Outcome:
    """Each of two replicas is ended and started again under load, twice: nothing fails."""
    outcome = Outcome(f"rolling restart of two replicas behind HAProxy, {ROUNDS} times")
    store = lab.fake_store("rolling")
    files = fingerprint(store)
    async with lab.fake(store, grace=GRACE) as (one, known, before), lab.fake(store, grace=GRACE) as (two, _, of_two):
        with Balancer(lab.path("haproxy"), [one.port, two.port]) as balancer:
            await _sees(balancer, 2)
            async with Load(balancer.url, known, clients=4, pause=0.02) as load:
                for _ in range(ROUNDS):
                    for replica in (one, two):
                        await load.reach(20)
                        assert await replica.end() == 0
                        outcome.healthy = max(outcome.healthy, await replica.back(known))
                        await _sees(balancer, 2)
                await load.reach(20)
        assert not load.answers.failures, load.answers.failures[:3]
        assert not load.answers.refused
        outcome.count(load.answers)
        for replica in (one, two):
            await warmed(replica, known)
        outcome.leaks, outcome.damaged = await one.leaks(before) + await two.leaks(of_two), damage(store, files)
    return outcome


async def _sees(balancer: Balancer, count: int) -> None:
    """Return when HAProxy holds so many replicas for ready."""

    async def seen() -> bool:
        lines = (await Replica.fetch(balancer.statistics)).splitlines()
        return sum(line.startswith("replicas,") and ",UP," in line for line in lines) == count + 1  # and the backend

    await until(seen, f"HAProxy never saw {count} replicas")
