"""Lanes on a real server: order, patience, and what comes late."""

import pytest
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import hot_lanes
from leadrelay.queue.verify import recount

from tests.chaos.processes import until
from tests.integration.moves import LANE, Requests, entries, entry, seqs
from tests.valve import set_breaker


def test_a_lane_waits_for_its_head(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3), entry(4, LANE)])
    assert seqs(worker.claim()) == [1, 3]
    assert read_books(queue).held == 2
    worker.settle(1, "scheduled", "3600000")
    assert seqs(worker.claim()) == []
    queue.client.zadd(queue.keys.name("scheduled"), {queue.client.zrange(queue.keys.name("scheduled"), 0, 0)[0]: 1})
    assert seqs(worker.claim()) == [1]
    worker.settle(1)
    assert seqs(worker.claim()) == [2]
    worker.settle(2, "dead", "rejected")
    assert seqs(worker.claim()) == [4]


FAILED = "1:{}:transient:http_503:5"


@pytest.fixture
def impatient(queue):
    """A queue whose lanes wait for a failing head until it has failed five times."""
    queue.lane_patience_s = 0
    return Requests(queue)


def fail(worker, seq, times=1, attempt=FAILED):
    """Let an event fail so often, each time at once again."""
    for number in range(times):
        worker.settle(seq, "scheduled", "1", attempt.format(number + 1))
        until(worker.queue.due, "it is due", 5)
        if number + 1 < times:
            assert seq in seqs(worker.claim())


def deliver_another(worker, number):
    worker.queue.enqueue([entry(number)])
    (seq,) = seqs(worker.claim())
    worker.settle(seq)


def test_a_head_that_fails_while_others_are_delivered_gives_way_and_comes_late(queue, impatient):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3, LANE)])
    assert seqs(impatient.claim()) == [1]
    fail(impatient, 1)
    assert seqs(impatient.claim()) == [1]
    deliver_another(impatient, 9)
    fail(impatient, 1, 3)
    assert seqs(impatient.claim()) == [1]
    impatient.settle(1, "scheduled", "3600000", FAILED.format(5))
    assert read_books(queue).gave_way == 1
    (second,) = impatient.claim().messages
    assert (second.message.seq, second.message.stale) == (2, False)
    impatient.settle(2)
    assert seqs(impatient.claim()) == [3]
    hurry(queue)
    assert seqs(impatient.claim()) == [], "one of a lane at a time"
    impatient.settle(3)
    (late,) = impatient.claim().messages
    assert (late.message.seq, late.message.stale, late.message.gave_way) == (1, True, False)
    impatient.settle(1)
    assert queue.client.hlen(queue.keys.name("watched")) == queue.client.hlen(queue.keys.name("lanes")) == 0
    assert recount(queue).findings == []


def hurry(queue):
    key = queue.keys.name("scheduled")
    for member in queue.client.zrange(key, 0, -1):
        queue.client.zadd(key, {member: 1})
    queue.due()


def given_way(worker, lane=LANE):
    """Let the event 1 give way."""
    worker.queue.enqueue([entry(1, lane)])
    worker.claim()
    fail(worker, 1)
    worker.claim()
    deliver_another(worker, 99)
    fail(worker, 1, 4)
    assert read_books(worker.queue).gave_way == 1


def test_what_gave_way_is_not_stale_while_nothing_newer_went_out(queue, impatient):
    given_way(impatient)
    (again,) = impatient.claim().messages
    assert (again.message.stale, again.message.gave_way) == (False, True)
    impatient.settle(1, "scheduled", "1", FAILED.format(6))
    queue.enqueue([entry(5, LANE)])
    assert seqs(impatient.claim(limit=1)) == [3], "the lane does not wait"


@pytest.mark.parametrize("end", [("dead", "expired"), ("scheduled", "3600000")])
def test_what_may_have_arrived_makes_older_ones_stale(queue, impatient, end):
    given_way(impatient)
    queue.client.delete(queue.keys.name("wake"))
    queue.enqueue([entry(5, LANE)])
    assert seqs(impatient.claim()) == [1]
    impatient.settle(1, "scheduled", "3600000", FAILED.format(6))
    assert seqs(impatient.claim()) == [3]
    fail(impatient, 3, 1, "1:{}:transient?:timeout:5")
    assert seqs(impatient.claim()) == [3]
    deliver_another(impatient, 98)
    fail(impatient, 3, 3, FAILED)
    assert seqs(impatient.claim()) == [3]
    impatient.settle(3, *end, FAILED.format(5))
    hurry(queue)
    first = impatient.claim(limit=1).messages[0].message
    assert (first.seq, first.stale) == (1, True)


@pytest.mark.parametrize("reason", ["nothing delivered", "breaker open", "throttled", "no end"])
def test_a_head_does_not_give_way_when_it_is_not_its_own_fault(queue, impatient, reason):
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    impatient.claim()
    fail(impatient, 1)
    impatient.claim()
    if reason != "nothing delivered":
        deliver_another(impatient, 99)
    fail(impatient, 1, 3)
    assert seqs(impatient.claim()) == [1]
    if reason == "breaker open":
        set_breaker(queue, "", "half_open")
    if reason == "no end":
        queue.lane_patience_s = None
    attempt = "1:5:throttled:http_429:5" if reason == "throttled" else FAILED.format(5)
    impatient.settle(1, "scheduled", "3600000", attempt)
    assert read_books(queue).gave_way == 0
    set_breaker(queue, "", "closed")
    assert seqs(impatient.claim()) == []


def test_patience_counts_from_the_first_failure_to_the_next_attempt(queue, worker):
    queue.lane_patience_s = 600
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    worker.claim()
    fail(worker, 1)
    worker.claim()
    deliver_another(worker, 99)
    fail(worker, 1, 5)
    worker.claim()
    worker.settle(1, "scheduled", "500000", FAILED.format(7))
    assert read_books(queue).gave_way == 0
    hurry(queue)
    worker.claim()
    worker.settle(1, "scheduled", "700000", FAILED.format(8))
    assert read_books(queue).gave_way == 1


def test_attempts_under_a_shut_breaker_are_noted_and_not_charged(queue, worker):
    queue.enqueue(entries(1))
    set_breaker(queue, "11111111", "half_open")
    for number in range(3):
        (claimed,) = worker.claim().messages
        assert (claimed.message.attempts, len(claimed.message.history)) == (0, number)
        fail(worker, 1)
        queue.client.hdel(queue.keys.name("valve"), "p:11111111")
    set_breaker(queue, "11111111", "closed")
    worker.claim()
    fail(worker, 1)
    assert worker.claim().messages[0].message.attempts == 1


def test_a_lane_that_holds_back_many_is_named_by_its_hash(queue, worker):
    queue.enqueue([entry(number, LANE) for number in range(1, 61)])
    queue.enqueue([entry(number, f"{number % 50:016x}") for number in range(100, 300)])
    for _ in range(10):
        worker.claim(limit=100)
    (hot,) = hot_lanes(queue, least=50)
    assert (hot.lane, hot.held, hot.seq) == (LANE, 59, 2)
    assert hot_lanes(queue) == ()
