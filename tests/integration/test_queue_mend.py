"""A queue of which something else took a part: what is known for sure is mended, the rest is told to the operator."""

import secrets
from unittest.mock import Mock

import pytest
from leadrelay.queue import DeadLetters
from leadrelay.queue.audit import read_audit
from leadrelay.queue.books import read_books
from leadrelay.queue.mend import Mended, Mending, free
from leadrelay.queue.verify import recount
from leadrelay_worker.flow.controller import Controller
from leadrelay_worker.flow.numbers import DEFAULT
from redis.exceptions import ResponseError

from tests.integration.moves import LANE, Requests, entries, entry, seqs
from tests.integration.test_queue_versions import make_newer_in
from tests.valve import set_breaker


def take_away(queue, *names):
    queue.client.delete(*map(queue.keys.name, names))


def everything_leaves(queue):
    worker = Requests(queue, secrets.token_hex(4))
    found = []
    while more := seqs(worker.claim()):
        found += more
        for seq in more:
            worker.settle(seq)
    return found


def test_nothing_is_mended_while_nobody_else_writes(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3, scope="a" * 8), *entries(9)[3:]])
    set_breaker(queue, "a" * 8, "open")
    worker.claim(limit=4)
    worker.settle(1, "scheduled", "60000")
    worker.settle(4, "dead", "expired")
    before = recount(queue)
    mending = Mending(queue)
    assert {mending.step() for _ in range(5)} == {Mended(0, 0, 0)}
    assert (before.findings, recount(queue).books.expected) == ([], before.books.expected)


def test_what_a_dead_worker_held_is_rescued_though_its_lease_is_gone(queue, worker):
    queue.enqueue(entries(3))
    worker.claim()
    take_away(queue, "leases")
    queue.rescue("run")
    assert read_books(queue).in_flight == 3
    assert Mending(queue).step() == Mended(1, 0, 0)
    queue.client.zadd(queue.keys.name("leases"), {"w": 1}, xx=True)
    assert queue.rescue("run") == 3


def test_lanes_without_a_head_go_on_in_order(queue, worker):
    lanes = [f"{number:016x}" for number in range(250)]
    queue.enqueue([entry(number, lanes[number % 250]) for number in range(750)])
    worker.claim(limit=1000)
    for seq in list(worker.tokens):
        worker.settle(seq, "scheduled", "3600000")
    assert read_books(queue).held == 500
    take_away(queue, "lanes", "scheduled")
    mending, steps = Mending(queue), []
    while not steps or steps[-1].runs:
        steps.append(mending.step())
    assert [step.runs for step in steps] == [100, 100, 50, 0], "a bounded part with each step"
    left = everything_leaves(queue)
    assert sorted(left) == list(range(251, 751))
    assert all(left.index(seq) < left.index(seq + 250) for seq in range(251, 501)), "each lane in order"


@pytest.mark.parametrize("lost", [[], ["scopes"], ["b:aaaaaaaa"]], ids=["all of it", "its name", "its state"])
def test_a_dataset_whose_breaker_is_forgotten_goes_on(queue, worker, lost):
    queue.enqueue([entry(1, scope="a" * 8), entry(2, scope="b" * 8)])
    set_breaker(queue, "a" * 8, "open")
    assert seqs(worker.claim()) == [2]
    if lost:
        set_breaker(queue, "a" * 8, "closed")  # it drains
        queue.client.hdel(queue.keys.name("valve"), *lost)
    else:
        take_away(queue, "valve")
    assert seqs(worker.claim()) == []
    assert Mending(queue).step() == Mended(0, 1, 0)
    assert seqs(worker.claim()) == [1]


def test_what_nobody_wrote_as_held_does_not_hide_the_lanes_behind_it(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    worker.claim()
    take_away(queue, "lanes", "flight")
    queue.client.zadd(queue.keys.name("held"), {"0 not a message": 0})
    assert Mending(queue).step() == Mended(0, 1, 0)
    assert everything_leaves(queue) == [2]


def test_dead_letters_find_their_place_again(queue, worker):
    queue.enqueue(entries(3))
    worker.claim()
    for seq in list(worker.tokens):
        worker.settle(seq, "dead", "expired")
    died = queue.client.zrange(queue.keys.name("dead_at"), 0, -1, withscores=True)
    take_away(queue, "dead_at")
    assert list(DeadLetters(queue).select()) == []
    assert Mending(queue).step() == Mended(0, 0, 3)
    assert queue.client.zrange(queue.keys.name("dead_at"), 0, -1, withscores=True) == died
    assert recount(queue).findings == []
    queue.client.hdel(queue.keys.name("dead"), "2")
    assert Mending(queue).step() == Mended(0, 0, 1)
    assert recount(queue).findings == ["dead: 2 events, the ledger says 3 (1 lost)", *recount(queue).findings[1:]]


def test_what_nobody_wrote_as_in_flight_does_not_stop_the_rescue(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    queue.client.hset(queue.keys.name("flight"), "w:not a token", "not a message")
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1}, xx=True)
    assert queue.rescue("run") == 3
    assert everything_leaves(queue) == [1, 2]
    assert [letter.reason for letter in DeadLetters(queue).select()] == ["unreadable"]


def test_what_names_no_worker_does_not_stop_the_mending(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    take_away(queue, "leases")
    queue.client.hset(queue.keys.name("flight"), "of nobody", "not a message")
    assert Mending(queue).step() == Mended(1, 0, 0)


def test_the_controller_mends_and_goes_on_when_it_cannot(queue, worker, caplog, monkeypatch):
    queue.enqueue(entries(1))
    worker.claim()
    take_away(queue, "leases")
    Controller(queue, "w", DEFAULT).round()
    assert queue.client.zcard(queue.keys.name("leases")) == 1
    assert "1 workers without a lease" in caplog.text
    monkeypatch.setattr(Mending, "step", Mock(side_effect=ResponseError))
    controller, failed = Controller(queue, "w", DEFAULT), 0
    for _ in range(5):
        try:
            controller.round()
        except ResponseError:
            failed += 1
    assert 1 <= failed <= 2, "once in a step of ten seconds"


def test_it_is_recorded(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    take_away(queue, "leases")
    Mending(queue).step()
    assert [(act.by, act.act, act.number) for act in read_audit(queue)] == [("leadrelay", "mend", 1)]


# The operator's part -------------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(queue, worker):
    """A lane whose head is gone."""
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3, LANE)])
    worker.claim()
    worker.settle(1, "scheduled", "0")
    take_away(queue, "scheduled")
    assert everything_leaves(queue) == []
    assert Mending(queue).step() == Mended(0, 0, 0)
    return queue


def test_a_lane_whose_head_is_gone_is_told_and_let_go_on(stuck):
    result = recount(stuck)
    assert result.gone == {LANE: 1}
    assert "1 lanes wait for an event that is gone: leadrelay verify --mend lets them go on" in result.findings
    assert free(stuck, result.gone, "me") == 1
    assert everything_leaves(stuck) == [2, 3]
    assert recount(stuck).gone == {}


def test_one_of_which_nothing_is_held_takes_new_events(queue, worker):
    queue.enqueue([entry(1, LANE)])
    worker.claim()
    worker.settle(1, "scheduled", "0")
    take_away(queue, "scheduled")
    assert free(queue, recount(queue).gone, "me") == 1
    queue.enqueue([entry(2, LANE)])
    assert everything_leaves(queue) == [2]


def test_a_lane_that_moved_on_is_left_alone(stuck):
    gone = recount(stuck).gone
    assert free(stuck, gone, "me") == 1
    assert free(stuck, gone, "me") == 0


def test_heads_that_are_somewhere_are_not_gone(queue, worker):
    lanes = [f"{number:016x}" for number in range(4)]
    queue.enqueue([entry(number, lanes[number % 4]) for number in range(8)])
    worker.claim(limit=3)
    worker.settle(1, "scheduled", "60000")
    worker.settle(2, "ready")
    make_newer_in(queue, "returning")
    Requests(queue, "older").claim(limit=1)
    assert recount(queue).gone == {}
    assert free(queue, {lanes[2]: 3}, "me") == 0, "it is in flight"
