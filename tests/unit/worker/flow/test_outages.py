"""Whole outages in virtual time."""

import random

import pytest
from leadrelay_worker.flow.numbers import Numbers

from tests.unit.worker.flow.world import ACCEPTED, World

DAY = 86_400
BEGIN = 1_000_600.0
FAILURES = [
    ("transient", "http_503"),
    ("transient", "timeout"),
    ("misconfigured", "dns"),
    ("misconfigured", "not_an_id"),
]


def down(kind, length, begin=BEGIN):
    return lambda world, *_: kind if begin <= world.now < begin + length else ACCEPTED


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind[1])
def test_a_days_outage(kind):
    ceiling = 150
    world = World(down(kind, DAY), numbers=Numbers(max_rate=ceiling))
    world.run(600, lambda _: "aa")
    assert world.states() == "closed"
    world.run(DAY, lambda _: "aa")
    attempted = [event for event in world.events if event.tried and event.state != "delivered"]
    probes = world.opened("")
    assert probes[0][0] - BEGIN <= 10, "it opens within seconds"
    assert sum(event.tried for event in attempted) <= 10 + len(probes)
    assert len(probes) <= DAY / 300 + 10
    world.run(3600, lambda _: "aa")
    back = next(at for at, _, _, state, _ in world.changes if state == "limited" and at >= BEGIN + DAY)
    assert back <= BEGIN + DAY + 302, "it closes within a probe's wait"
    after = world.sent[600 + DAY :]
    assert max(after) == ceiling, "the slow start reaches the ceiling, and nothing is sent above it"
    assert world.states() == "closed"
    assert world.count("delivered") == len(world.events)
    assert world.most_tries() <= 3


def test_a_slow_start_doubles_to_what_was_good_before():
    world = World(down(("transient", "http_503"), 600))
    world.run(1560, lambda _: "a" * 100)
    back = next(at for at, _, _, state, _ in world.changes if state == "limited")
    sent = world.sent[int(back - 1_000_000) :]
    assert sent[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert sent[7:10] == [100, 105, 110]


def test_every_change_is_told_with_its_reason():
    """Of what closes too: the audit keeps it."""
    world = World(down(("transient", "http_503"), 60))
    world.run(900, lambda _: "a" * 20)
    closed = next(told for *_, state, told in world.changes if state == "closed")
    assert closed == "events get through again, after 503 for 100% of 20 attempts"
    alone = World(lambda world, _, worker: FAILURES[1] if worker == "w1" and world.now < BEGIN else ACCEPTED)
    alone.run(900, lambda _: "a" * 20)
    assert [told for _, key, _, state, told in alone.changes if (key, state) == ("@w1", "closed")] == [
        "it gets through again"
    ]


def test_an_event_alone_is_its_own_probe_and_opens_nothing():
    world = World(down(("transient", "http_503"), DAY))
    world.run(590)
    world.arrive()
    world.run(10)
    world.run(DAY)
    assert not world.opened()
    world.run(7200)
    assert world.count("delivered") == 1


@pytest.mark.parametrize("kind", [("transient", "http_503"), ("misconfigured", "http_403")])
def test_a_poisonous_event_hurts_only_itself(kind):
    world = World(lambda _, event, __: kind if event.seq == 10 else ACCEPTED)
    world.run(DAY * 2, lambda number: "a" if number % 30 == 0 else "")
    assert not world.opened()
    assert world.count("delivered") == len(world.events) - 1
    assert world.events[9].state == ("dead" if kind[0] == "misconfigured" else "scheduled")


def test_a_wrong_dataset_waits_and_the_others_go_on():
    world = World(lambda world, event, _: ("misconfigured", "http_401") if event.scope == "b" else ACCEPTED)
    world.run(DAY, lambda number: "aab" if number % 10 == 0 else "")
    assert {change[1] for change in world.opened()} == {"b"}
    assert world.count("dead") == 0
    assert all(event.state == "delivered" for event in world.events if event.scope == "a")
    assert max(event.tried for event in world.events if event.scope == "b") <= 5


@pytest.mark.parametrize(("scopes", "most"), [("a", 20), ("ab", 40), ("abcdefghij", 60)])
def test_mass_rejection_buries_a_few(scopes, most):
    world = World(down(("rejected", "http_400"), DAY))
    world.run(600, lambda _: scopes)
    world.run(DAY, lambda number: scopes if number % 30 == 0 else "")
    assert world.count("dead") <= most
    world.run(3600, lambda _: scopes)
    assert world.count("dead") <= most
    assert world.count("delivered") == len(world.events) - world.count("dead")


def test_an_operator_says_that_rejected_events_are_to_be_buried():
    world = World(lambda *_: ("rejected", "http_400"))
    world.arrive(200)
    world.run(60)
    assert world.count("dead") == 20
    world.runs.update({"a": -1_000, "": -1_000})
    world.valves[""].state, world.valves[""].rate = "limited", 1.0
    world.run(600)
    assert world.count("dead") == 200


def test_many_small_datasets_are_one_outage():
    world = World(down(("transient", "http_503"), DAY // 4))
    world.run(600 + DAY // 4, lambda number: [f"s{number % 500}"])
    assert {change[1] for change in world.opened()} == {""}
    world.run(7200)
    assert world.most_tries() <= 4
    assert world.count("delivered") == len(world.events)


def test_throttling_finds_what_the_endpoint_takes():
    taken = {}

    def endpoint(world, *_):
        taken[world.now] = taken.get(world.now, 0) + 1
        return ACCEPTED if taken[world.now] <= 80 else ("throttled", "http_429", 2.0)

    world = World(endpoint)
    world.arrive(20_000)
    world.run(200)
    assert not world.opened()
    assert sum(event.tried for event in world.events if event.state == "delivered") > 70 * 195
    assert sum(world.sent[10:200]) / 190 == pytest.approx(80, rel=0.1)
    refused = sum(event.tried for event in world.events) - world.count("delivered")
    assert refused < 0.05 * 20_000


def test_retry_after_delays_the_probe():
    world = World(lambda world, *_: ("throttled", "http_429", 600.0) if world.now < BEGIN + 3600 else ACCEPTED)
    world.run(4200, lambda _: "a")
    assert len(world.opened()) <= 8
    world.run(1200, lambda _: "a")
    assert world.count("delivered") == len(world.events)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_an_endpoint_that_fails_up_to_half_the_time_is_used(share):
    chance = random.Random(7)
    world = World(lambda *_: ("transient", "http_503") if chance.random() < share else ACCEPTED)
    world.run(3600, lambda _: "a" * 10)
    assert world.count("delivered") > 0.95 * len(world.events)


@pytest.mark.parametrize("kind", [("transient", "connect"), ("misconfigured", "dns"), ("rejected", "http_400")])
def test_a_failing_worker_stops_only_itself(kind):
    world = World(lambda world, _, worker: kind if worker == "w1" and BEGIN <= world.now < BEGIN + 600 else ACCEPTED)
    world.run(2000, lambda _: "a" * 150)
    assert {change[1] for change in world.opened()} == {"@w1"}
    assert world.count("delivered") + world.count("dead") == len(world.events)
    assert world.valves["@w1"].state == "closed"
    assert world.most_tries() <= 5


def test_a_worker_that_is_gone_is_forgotten():
    world = World(lambda _, __, worker: ("transient", "connect") if worker == "w1" else ACCEPTED)
    world.run(10, lambda _: "a" * 150)
    assert "@w1" in world.memory.breakers
    world.stopped_workers.add("w1")
    world.run(2)
    assert "@w1" not in world.memory.breakers


def test_when_another_dataset_comes_the_breaker_of_all_becomes_that_of_the_one():
    world = World(lambda _, event, __: ("transient", "http_503") if event.scope == "a" else ACCEPTED)
    world.run(20, lambda _: "aaa")
    assert world.states() in ("open", "half_open")
    world.run(3, lambda _: "ab")
    assert (world.states(), world.states("a") in ("open", "half_open")) == ("closed", True)
    world.run(5, lambda _: "b")
    assert all(event.state == "delivered" for event in world.events if event.scope == "b")


def test_an_operators_change_is_taken_over():
    world = World(down(("transient", "http_503"), DAY))
    world.run(620, lambda _: "a" * 5)
    assert world.states() in ("open", "half_open")
    world.valves[""].state = "closed"
    world.steer()
    assert world.memory.of("").state == "closed"
    world.valves[""].state = "open"
    world.steer()
    assert world.memory.of("").state == "open"
    assert world.memory.of("").probe_ms > world.now * 1000


def test_a_lost_memory_goes_on_from_the_valve():
    world = World(down(("transient", "http_503"), 3600))
    world.run(700, lambda _: "a" * 5)
    world.memory = type(world.memory)()
    world.run(4000, lambda _: "a" * 5)
    assert world.states() == "closed"
    assert world.count("delivered") == len(world.events)


@pytest.mark.parametrize("every", [60, 600, 3600])
def test_no_event_of_a_trickle_dies_of_being_the_probe(every):
    world = World(down(("misconfigured", "http_403"), DAY * 2, 1_000_000.0))
    world.run(DAY * 2, lambda number: "a" if number % every == 0 else "")
    assert world.most_attempts() <= 13
    assert world.count("dead") == 0
    world.run(7200)
    assert world.count("delivered") == len(world.events)


def test_an_event_every_ten_minutes_keeps_its_own_schedule_until_the_breaker_opens():
    world = World(down(("transient", "http_503"), DAY, 1_000_000.0))
    world.run(DAY, lambda number: "a" if number % 600 == 0 else "")
    assert world.most_attempts() <= 13
    assert world.most_tries() <= 16
    assert sorted(event.attempts for event in world.events)[len(world.events) // 2] == 0
