"""The policy over random outages: phases of any failure, for a dataset or a worker or all; then everything succeeds."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from leadrelay_worker.flow.numbers import Numbers

from tests.unit.worker.flow.world import ACCEPTED, World

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PROFILE = settings(max_examples=2000 if LONG else 60, deadline=None, derandomize=not LONG)

KINDS = [
    ACCEPTED,
    ("transient", "http_503"),
    ("transient", "timeout"),
    ("transient", "connect"),
    ("throttled", "http_429"),
    ("throttled", "http_429", 30.0),
    ("misconfigured", "http_401"),
    ("misconfigured", "dns"),
    ("misconfigured", "not_an_id"),
    ("rejected", "http_400"),
]


@dataclass(frozen=True)
class Phase:
    """A while in which a share of the attempts ends so, for one dataset or worker or all."""

    kind: tuple
    share: float
    seconds: int
    scope: str | None
    worker: str | None
    arriving: str

    def hits(self, event, worker, chance):
        return self.scope in (None, event.scope) and self.worker in (None, worker) and chance < self.share


PHASES = st.lists(
    st.builds(
        Phase,
        kind=st.sampled_from(KINDS),
        share=st.sampled_from([0.05, 0.5, 0.8, 1.0]),
        seconds=st.integers(1, 60),
        scope=st.sampled_from([None, "a", "b"]),
        worker=st.sampled_from([None, "w1", "w2"]),
        arriving=st.sampled_from(["", "a", "ab", "a" * 30, "abcd" * 20]),
    ),
    min_size=1,
    max_size=6,
)
NUMBERS = st.builds(Numbers, max_rate=st.sampled_from([None, 0.5, 7.0, 100.0]), longest_wait_s=st.just(40.0))


def through(phases, numbers, seed=0):
    """Run the phases; after each second the invariants must hold."""
    chance = random.Random(seed)
    now = {}

    def endpoint(_, event, worker):
        return now["phase"].kind if now["phase"].hits(event, worker, chance.random()) else ACCEPTED

    world = World(endpoint, numbers=numbers)
    for phase in phases:
        now["phase"] = phase
        for _ in range(phase.seconds):
            world.second(phase.arriving)
            holds(world)
    now["phase"] = Phase(ACCEPTED, 1.0, 0, None, None, "")
    return world


def holds(world):
    ceiling = world.numbers.max_rate
    if ceiling is not None:
        assert all(valve.rate is None or valve.rate <= ceiling for valve in world.valves.values())
        assert len(world.sent) == 1 or world.sent[-1] <= max(1, ceiling)
    for key, one in world.memory.breakers.items():
        assert one.state == world.valves[key].state
        assert one.wait_s <= max(world.numbers.longest_wait_s, world.numbers.longest_hint_s)
        assert (one.rate is not None) == (one.state == "limited")
        assert one.state == "closed" or one.reason
    run = world.numbers.rejected_run
    assert all(number <= (run if key else 3 * run) for key, number in world.runs.items())


@PROFILE
@given(PHASES, NUMBERS, st.integers(0, 10**6))
def test_once_everything_succeeds_all_of_it_closes_and_all_is_delivered(phases, numbers, seed):
    world = through(phases, numbers, seed)
    world.scopes.add("a")
    for _ in range(500):
        world.second(sorted(world.scopes))
        holds(world)
        if all(valve.state == "closed" for valve in world.valves.values()):
            break
    assert {key: valve.state for key, valve in world.valves.items() if valve.state != "closed"} == {}
    for _ in range(0 if numbers.max_rate else 7200):
        world.second()
        if world.count("delivered") + world.count("dead") == len(world.events):
            break
    else:
        assert numbers.max_rate, "not everything was delivered"


@PROFILE
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=10, max_size=300),
    st.sampled_from(["http_401", "http_403", "not_an_id", "dns", "tls"]),
)
def test_one_events_misconfiguration_opens_nothing(seconds, reason):
    """Whatever arrives beside it, and even when nothing does."""
    world = World(lambda _, event, __: ("misconfigured", reason) if event.seq == 1 else ACCEPTED)
    world.arrive()
    for number, burst in seconds:
        world.run(1 + number, lambda _, burst=burst: "a" if burst else "")
    world.run(7200)
    assert not world.opened()


@PROFILE
@given(PHASES)
def test_the_same_report_gives_the_same_decision(phases):
    assert through(phases, Numbers()).changes == through(phases, Numbers()).changes
