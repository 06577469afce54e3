"""What the valve lets a claim hand out, on a real server."""

import pytest
from leadrelay.queue import Valve
from leadrelay.queue.books import read_books

from tests.integration.moves import LANE, Requests, entries, entry, seqs
from tests.valve import set_breaker


def test_a_pause_hands_nothing_out_and_ends_by_itself(queue, worker):
    valve = Valve(queue)
    queue.enqueue(entries(1))
    valve.pause("ann", "maintenance", for_s=3600)
    assert worker.claim().messages == ()
    sending = read_books(queue).sending
    assert (sending.state, sending.reason) == ("paused", "by ann: maintenance")
    queue.client.hset(queue.keys.name("valve"), "pause_until", 1)
    assert seqs(worker.claim()) == [1]
    assert read_books(queue).sending.state == "on"


def test_age_counts_open_time_only(queue, worker):
    queue.enqueue(entries(1))
    Valve(queue).pause("ann")
    seconds, _ = queue.client.time()
    queue.client.hset(queue.keys.name("valve"), "closed_since", (seconds - 1000) * 1000)
    Valve(queue).resume("ann")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms == 0


def test_a_rate_bounds_all_workers_together(queue):
    queue.enqueue(entries(50))
    Valve(queue).set_rate("ann", 10)
    queue.client.hset(queue.keys.name("valve"), "bucket", 1)
    one, two = Requests(queue, "one"), Requests(queue, "two")
    claims = [one.claim(), two.claim()]
    assert sum(len(claim.messages) for claim in claims) <= 2
    assert 0 < claims[1].wait_ms <= 100


def test_a_breaker_lets_one_probe_through_and_not_the_event_that_tripped_it(queue, worker):
    queue.enqueue(entries(3))
    set_breaker(queue, "", "open")
    assert worker.claim().messages == ()
    set_breaker(queue, "", "half_open", tripped_by=1)
    assert seqs(worker.claim()) == [2]
    assert worker.claim().messages == ()
    set_breaker(queue, "", "closed")
    assert sorted(seqs(worker.claim())) == [1, 3]


def test_a_blocked_scope_waits_in_order_and_lets_others_pass(queue, worker):
    other = "22222222"
    queue.enqueue([entry(1, LANE), entry(2, scope=other), entry(3, LANE)])
    set_breaker(queue, "11111111", "open")
    assert seqs(worker.claim()) == [2]
    assert read_books(queue).held == 2
    set_breaker(queue, "11111111", "half_open")
    assert seqs(worker.claim()) == [1]
    assert worker.claim().messages == ()
    set_breaker(queue, "11111111", "closed")
    queue.enqueue([entry(4, LANE)])
    worker.settle(1)
    order = []
    while claim := seqs(worker.claim()):
        order += claim
        worker.settle(claim[0])
    assert order == [3, 4]


def test_a_suspect_is_the_probe_when_nothing_else_waits(queue):
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    Requests(queue, "dead").claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"dead": 1}, xx=True)
    queue.rescue("run")
    set_breaker(queue, "", "half_open")
    worker = Requests(queue, "w")
    claim = worker.claim()
    assert (seqs(claim), claim.alone) == ([1], True)
    assert worker.claim().messages == ()
    worker.settle(1)
    set_breaker(queue, "", "closed")
    assert seqs(worker.claim()) == [2]


@pytest.mark.parametrize("state", ["half_open", "limited"])
def test_a_claim_looks_once_at_each_dataset_of_which_nothing_waits(queue, worker, state):
    for number in range(30):
        set_breaker(queue, f"{number:08x}", state, rate=1 if state == "limited" else None)
    queue.enqueue(entries(200))
    queue.client.config_resetstat()
    assert len(worker.claim(limit=100).messages) == 100
    assert queue.client.info("commandstats")["cmdstat_zrangebylex"]["calls"] <= 2 * 30


def test_a_long_lane_in_front_does_not_keep_the_probe_waiting(queue, worker):
    """What is held behind its lane was looked at and moved: the next claim goes on at once."""
    queue.enqueue([entry(number, LANE) for number in range(1, 401)])
    queue.enqueue([entry(401)])
    assert seqs(worker.claim(limit=1)) == [1]
    worker.settle(1, "scheduled", "3600000", "1:1:transient:http_503:5")
    set_breaker(queue, "", "half_open")
    found, claims = [], 0
    while not found:
        claim = worker.claim()
        found, claims = seqs(claim), claims + 1
        assert found or (claim.more, claim.wait_ms) == (True, 0)
    assert (found, claims) == ([401], 4)
    worker.tokens.clear()
    assert worker.claim().wait_ms > 0, "a probe is under way"


def test_nothing_is_left_of_a_workers_breaker(queue):
    """There are new workers with each deploy."""
    before = queue.client.hkeys(queue.keys.name("valve"))
    set_breaker(queue, "@w/1-a", "open", tripped_by=7)
    set_breaker(queue, "@w/1-a", "half_open", tripped_by=7)
    set_breaker(queue, "@w/1-a", "closed")
    assert queue.client.hkeys(queue.keys.name("valve")) == before
