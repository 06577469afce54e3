"""Claims on a real server: who gets what, leases, rescue, clocks."""

import pytest
from leadrelay.queue import DeadLetters, Valve
from leadrelay.queue.books import read_books

from tests.chaos.processes import until
from tests.integration.moves import Requests, entries, entry, seqs


def test_a_dead_worker_is_rescued_and_a_late_settle_moves_nothing(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    assert queue.rescue("run") == 2
    assert not queue.heartbeat("w")
    settled = worker.settle(1)
    assert (settled.moved, settled.late) == (0, 1)
    other = Requests(queue, "other")
    claim = other.claim()
    assert claim.alone
    assert seqs(claim) == [1]
    assert read_books(queue).late == 1


def test_a_busy_worker_drains_before_it_takes_a_suspect(queue):
    queue.enqueue(entries(1))
    dead, busy = Requests(queue, "dead"), Requests(queue, "busy")
    dead.claim()
    queue.enqueue([entry(9), entry(10)])
    busy.claim(limit=1)
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"dead": 1}, xx=True)
    queue.rescue("run")
    assert busy.claim().drain
    busy.settle(2)
    claim = busy.claim()
    assert claim.alone
    assert seqs(claim) == [1]


def test_what_kills_its_worker_twice_while_alone_is_poison(queue):
    queue.enqueue(entries(1))
    queue.rescue("run")
    for number in range(3):
        assert seqs(Requests(queue, f"w{number}").claim()) == [1]
        queue.client.zadd(queue.keys.name("leases"), {f"w{number}": 1}, xx=True)
        queue.rescue("run")
    (letter,) = DeadLetters(queue).select()
    assert letter.reason == "poison"


def test_nothing_is_rescued_for_a_lease_after_a_restart(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    queue.rescue("before")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    assert queue.rescue("after") == 0
    assert queue.rescue("after") == 0
    assert queue.heartbeat("w")


@pytest.fixture
def set_clock(queue):
    """Let the clock have been set by so many seconds since a worker last looked at it."""

    def by(seconds):
        queue.client.hincrby(queue.keys.name("ledger"), "looked", -seconds * 1000)

    return by


@pytest.mark.parametrize("seconds", [20, 86400 * 30, -3600])
def test_leases_start_anew_when_time_passed_unseen(queue, worker, set_clock, seconds):
    queue.enqueue(entries(1))
    worker.claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    set_clock(seconds)
    assert queue.rescue("run") == 0
    assert queue.rescue("run") == 0
    (lease,) = (score for _, score in queue.client.zrange(queue.keys.name("leases"), 0, -1, withscores=True))
    assert 25_000 < lease - read_books(queue).now_ms <= 30_000


@pytest.mark.parametrize("seconds", [86400 * 30, -86400 * 30])
@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("looks", [False, True])
def test_no_event_grows_older_by_unseen_time(queue, worker, set_clock, seconds, paused, looks):
    queue.rescue("run")
    queue.enqueue(entries(1))
    if paused:
        Valve(queue).pause("ann")
        queue.client.hincrby(queue.keys.name("valve"), "closed_since", -seconds * 1000)
    set_clock(seconds)
    queue.client.lset(queue.keys.name("ready"), 0, older(queue.client.lindex(queue.keys.name("ready"), 0), seconds))
    if looks:
        queue.rescue("run")
    if paused:
        Valve(queue).resume("ann")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms < 15_000
    queue.enqueue([entry(2)])
    queue.rescue("run")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms < 15_000


def older(raw, seconds):
    fields = raw.split(b" ", 8)
    return b" ".join([*fields[:7], b"%d" % (int(fields[7]) - seconds * 1000), fields[8]])


def test_nothing_is_pruned_for_a_day_after_the_clock_was_set(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    worker.settle(1, "dead", "rejected")
    queue.clock_was_set(3_600_000)
    queue.clock_was_set(3_600_000)
    letters = DeadLetters(queue)
    assert letters.prune(older_than_s=0, keep=0, reason="age") == 0
    queue.client.hincrby(queue.keys.name("ledger"), "clock_set_at", -86_400_001)
    assert letters.prune(older_than_s=0, keep=0, reason="age") == 1
    said = [line for line in queue.client.lrange(queue.keys.name("audit"), 0, -1) if b"clock" in line]
    assert len(said) == 1


def test_a_push_wakes_one_and_a_claim_passes_the_token_on(queue, worker):
    wake = queue.keys.name("wake")
    queue.enqueue(entries(1))
    queue.enqueue([entry(2)])
    assert queue.client.llen(wake) == 1
    queue.client.delete(wake)
    assert worker.claim(limit=1).more
    assert queue.client.llen(wake) == 1
    queue.client.delete(wake)
    assert not worker.claim(limit=5).more
    assert queue.client.llen(wake) == 0


def test_a_claim_says_how_long_to_wait_for_what_is_due(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    worker.settle(1, "scheduled", "300")
    claim = worker.claim()
    assert 0 < claim.wait_ms <= 300
    until(lambda: worker.claim().messages, "it is due", 5)


def test_leaving_signs_off_only_with_empty_hands(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    assert not queue.leave("w")
    worker.settle(1)
    assert queue.leave("w")
    assert read_books(queue).workers == 0


def test_a_heartbeat_takes_nothing_that_is_held(queue, worker):
    queue.enqueue(entries(3))
    worker.claim()
    assert queue.heartbeat("w", worker.tokens.values())
    assert read_books(queue).in_flight == 3
