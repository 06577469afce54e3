"""The estimate of `leadrelay.catchup`, held against drains in virtual time that the policy steers."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leadrelay import catchup
from leadrelay.queue.samples import STEP_MS, Sample
from leadrelay.queue.valve import Breaker, Sending
from leadrelay_worker.flow.numbers import DEFAULT, Numbers
from leadrelay_worker.flow.rate import next_rate

from tests.unit.worker.flow.test_rate import fresh
from tests.unit.worker.flow.world import ACCEPTED, SHUT, World

DOWN = ("transient", "http_503")
BEGIN = 1_000_000
STEP_S = STEP_MS // 1000


class Watched(World):
    """A world that takes samples as the controller does, and an estimate each second while it drains."""

    def watch(self):
        self.samples, self.estimates = [], {}
        self.done, self.attempts, self.retried = Counter(), Counter(), 0

    def attempt(self, event, worker):
        super().attempt(event, worker)
        outcome = next(key[2] for key, seqs in self.rows.items() if seqs and seqs[-1] == event.seq)
        self.attempts[outcome] += 1
        self.done[event.state] += event.state in ("delivered", "dead")
        self.retried += event.state == "scheduled"

    def sample(self, **more):
        valve = self.valves[""]
        held = sum(map(len, self.held.values()))
        return Sample(
            at_ms=int(self.now * 1000),
            accepted=len(self.events),
            delivered=self.done["delivered"],
            dead=self.done["dead"],
            retried=self.retried,
            ready=len(self.ready) + len(self.returning),
            scheduled=len(self.scheduled),
            held=held,
            workers=2,
            sending="breaker open" if valve.state in SHUT else "on",
            rate=valve.rate,
            attempts=dict(self.attempts),
            **more,
        )

    def look(self):
        valve = self.valves[""]
        breakers = (Breaker("", valve.state, rate=valve.rate),) if valve.state != "closed" else ()
        now = self.sample()
        sending = Sending(now.sending, "", None, None, valve.rate, None, breakers)
        due = [(at - self.now, 1) for at, _, _ in sorted(self.scheduled, key=lambda item: item[:2])]
        return catchup.estimate(self.samples[-360:], now, due, sending)

    def second(self, arrivals=()):
        super().second(arrivals)
        if self.now % STEP_S == 0:
            told = {"ceiling": self.numbers.max_rate, "good": self.memory.known_good}
            self.samples.append(self.sample(**told))


def drained(capacity, ceiling, before, outage_s, imported, beside, failing=0, *, busy=True):
    """Give (second, estimate) of each second of a drain, and how long it took.

    Args: events a second `before` and in the outage but for its last minute, and `beside` the drain; rows `imported` at
    its begin; one in `failing` attempts fails in the drain. `busy`: the workers were seen at their limit before.
    """
    end = BEGIN + 120 + outage_s

    def endpoint(world, event, _):
        if BEGIN + 120 <= world.now < end:
            return DOWN
        return DOWN if failing and world.now >= end and (event.seq + event.attempts) % failing == 0 else ACCEPTED

    world = Watched(endpoint, numbers=Numbers(max_rate=ceiling, longest_wait_s=20.0), capacity=capacity)
    world.watch()
    world.arrive(60 * capacity * busy)
    world.run(60 + outage_s, lambda _: "a" * before)
    world.run(60, lambda _: "a" * beside)
    world.arrive(imported)
    looked = []
    while world.now < end + 6000:
        world.second("a" * beside)
        if world.valves[""].state in SHUT:
            looked.clear()
            continue
        found = world.look()
        if found.seconds == 0:
            return looked, world.now
        looked.append((world.now, found))
    pytest.fail("it does not drain")


def errors(looked, end):
    """Give by how much the estimates at 25, 50 and 75% of the time of a drain were wrong, as parts."""
    begin = looked[0][0] - 1
    found = {}
    for part in (0.25, 0.5, 0.75):
        at, estimate = min(looked, key=lambda one: abs(one[0] - begin - part * (end - begin)))
        left = end - at
        assert estimate.seconds is not None, (part, estimate)
        found[part] = (estimate.seconds - left) / left
    return found


@pytest.mark.parametrize(
    ("imported", "beside"), [(0, 0), (0, 30), (6000, 0)], ids=["nothing beside", "arrivals beside", "an import beside"]
)
@pytest.mark.parametrize("ceiling", [None, 120], ids=["no ceiling", "a ceiling"])
def test_within_a_quarter_at_each_quarter(ceiling, imported, beside):
    looked, end = drained(100, ceiling, before=30, outage_s=600, imported=imported, beside=beside)
    wrong = errors(looked, end)
    assert max(map(abs, wrong.values())) <= 0.25, wrong


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    capacity=st.integers(20, 200),
    ceiling=st.none() | st.integers(40, 300),
    before=st.integers(5, 30),
    outage_s=st.integers(300, 600),
    imported=st.integers(0, 5_000),
    share=st.floats(0, 0.6),
    failing=st.sampled_from([0, 0, 20, 5]),
)
def test_within_a_quarter_whatever_the_drain(capacity, ceiling, before, outage_s, imported, share, failing):
    most = min(2 * capacity, ceiling or 10**9)
    looked, end = drained(capacity, ceiling, min(before, most // 2), outage_s, imported, int(share * most), failing)
    wrong = errors(looked, end)
    assert max(map(abs, wrong.values())) <= 0.25, wrong


def test_without_a_ceiling_or_a_busy_hour_it_is_at_best():
    looked, end = drained(100, None, 30, 600, 0, 0, busy=False)
    first = looked[10][1]
    assert first.reason.startswith("at best")
    assert first.seconds <= end - looked[10][0]
    assert looked[-1][1].reason == ""


@pytest.mark.parametrize("good", [1.0, 50.0, 400.0])
@pytest.mark.parametrize("rate", [1.0, 3.0, 49.0, 50.0, 399.0, 1000.0])
@pytest.mark.parametrize("ceiling", [None, 450])
def test_it_follows_the_slow_start_of_the_policy(good, rate, ceiling):
    numbers = Numbers(max_rate=ceiling)
    rate = min(rate, ceiling or rate)
    flow = catchup.Flow(rate, good, ceiling or float("inf"), 0)
    grown, _ = next_rate(rate, good, fresh(accepted=int(rate)), 1.0, numbers)
    assert flow.grown(rate) == pytest.approx(grown)
    assert (DEFAULT.first_rate, DEFAULT.increase) == (catchup.LEAST_STEP, catchup.INCREASE)
