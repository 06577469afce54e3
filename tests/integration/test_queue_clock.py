"""The broker's clock is set: what is scheduled keeps its wait. Tests leave what a clock an hour ahead would leave."""

import hashlib

import pytest
from leadrelay.cli.status import look
from leadrelay.errors import BrokerFull
from leadrelay.queue import Valve, control
from leadrelay.queue.books import read_books
from leadrelay.queue.find import Search
from leadrelay.queue.samples import Samples

from tests.integration.moves import entries, entry, seqs

HOUR = 3_600_000


def clock_was_ahead(queue, by=HOUR):
    """Leave what a clock leaves behind that was ahead until just now: the last look, and the times of the scheduled."""
    queue.rescue("run")
    client = queue.client
    client.hincrby(queue.keys.name("ledger"), "looked", by)
    key = queue.keys.name("scheduled")
    for member in client.zrange(key, 0, -1):
        client.zincrby(key, by, member)


@pytest.mark.parametrize("seen", [True, False], ids=["a worker has looked", "nobody has looked yet"])
def test_set_back_what_is_scheduled_waits_no_longer(queue, worker, seen):
    queue.enqueue(entries(2))
    worker.claim()
    worker.settle(1, "scheduled", "0")
    worker.settle(2, "scheduled", "60000")
    clock_was_ahead(queue)
    if seen:
        queue.rescue("run")
    assert queue.due() == 1
    assert seqs(worker.claim()) == [1]
    worker.settle(1, "scheduled", "60000")
    due = Samples(queue).due(read_books(queue).due_now_ms)
    assert [number for seconds, number in due if 30 < seconds < 70] == [2]
    assert worker.claim().wait_ms <= 60_000


def test_steps_back_add_up_and_time_goes_on(queue, worker):
    for _ in range(2):
        clock_was_ahead(queue)
        queue.rescue("run")
    books = read_books(queue)
    assert 2 * HOUR - 10_000 < books.set_back_ms <= 2 * HOUR
    assert books.due_now_ms == books.now_ms + books.set_back_ms
    queue.rescue("run")
    assert read_books(queue).set_back_ms == books.set_back_ms


def test_set_forward_it_comes_earlier(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    worker.settle(1, "scheduled", "60000")
    clock_was_ahead(queue, -HOUR)
    queue.rescue("run")
    assert queue.due() == 1
    assert read_books(queue).set_back_ms == 0


def test_a_time_that_is_told_is_one_of_the_wall_clock(queue, worker):
    clock_was_ahead(queue)
    queue.rescue("run")
    queue.enqueue([entry(1)])
    worker.claim()
    worker.settle(1, "scheduled", "60000")
    found = Search(queue, f"{1:032x}").run()
    assert abs(found.due_ms - queue.now_ms() - 60_000) < 10_000


def test_an_eta_is_one_of_the_wall_clock_too(queue, worker):
    clock_was_ahead(queue)
    queue.rescue("run")
    raw, inbox = b"raw", queue.keys.inbox[0]
    queue.client.lpush(inbox, raw)
    described = (hashlib.sha1(raw).hexdigest(), "scheduled", queue.now_ms() + 60_000, "e" * 32)
    assert queue.run("adopt", 1000, *described, "-", "11111111", "label", "d\nt", b"{}", extra_keys=[inbox]) == 1
    ((seconds, number),) = Samples(queue).due(read_books(queue).due_now_ms)
    assert (30 < seconds < 70, number) == (True, 1)


def test_a_refusal_for_memory_ends_though_its_worker_died_before_the_clock_was_set_back(queue):
    Valve(queue).set_full(5)
    with pytest.raises(BrokerFull):
        queue.enqueue([entry(1)])
    queue.client.hincrby(queue.keys.name("valve"), "full_until", HOUR)
    assert len(queue.enqueue([entry(1)])) == 1


def test_another_controller_is_elected_though_the_lease_of_the_last_seems_long(queue):
    control.elect(queue, "before")
    key = queue.keys.name("flow")
    by, term, until = queue.client.hget(key, "controller").split()
    queue.client.hset(key, "controller", b" ".join([by, term, b"%d" % (int(until) + HOUR)]))
    assert control.elect(queue, "after") is not None


def test_status_says_that_it_was_set_and_the_ledger_stands(queue, worker):
    queue.enqueue(entries(3))
    worker.claim(limit=1)
    before = read_books(queue)
    assert "clock" not in " ".join(look(queue).broker_lines())
    clock_was_ahead(queue)
    queue.rescue("run")
    queue.clock_was_set(-HOUR)
    seen = look(queue)
    assert any(line.startswith("clock      the broker's was set back by 1.0 h at ") for line in seen.broker_lines())
    assert seen.document()["clock_set"]["by_s"] == -3600
    assert seen.books.balanced
    assert (seen.books.epoch, seen.books.seq) == (before.epoch, before.seq)
