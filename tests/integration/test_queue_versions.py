"""Messages of a newer version, while workers of both run: an older worker leaves each where a newer one finds it."""

import pytest
from leadrelay.queue.books import read_books

from tests.integration.moves import LANE, Requests, entries, entry, seqs


def make_newer(raw):
    return b"2" + raw[1:]


def make_newer_in(queue, name):
    """Make what one hash or list holds newer."""
    key = queue.keys.name(name)
    if queue.client.type(key) == b"hash":
        for field, raw in queue.client.hgetall(key).items():
            queue.client.hset(key, field, make_newer(raw))
    else:
        for place, raw in enumerate(queue.client.lrange(key, 0, -1)):
            queue.client.lset(key, place, make_newer(raw))


def let_leases_run_out(queue):
    queue.rescue("run")
    key = queue.keys.name("leases")
    for worker in queue.client.zrange(key, 0, -1):
        queue.client.zadd(key, {worker: 1})


def balanced_with(queue, **numbers):
    books = read_books(queue)
    assert {name: getattr(books, name) for name in numbers} == numbers
    return books.balanced


def test_it_is_rescued_and_does_not_stop_the_rescue_of_others(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    key = queue.keys.name("flight")
    field = next(field for field in queue.client.hkeys(key) if field.startswith(b"w:1."))
    queue.client.hset(key, field, make_newer(queue.client.hget(key, field)))
    let_leases_run_out(queue)
    assert queue.rescue("run") == 2
    assert balanced_with(queue, ready=2, in_flight=0)
    assert queue.client.llen(queue.keys.name("suspects")) == 1


def test_a_heartbeat_hands_back_one_of_the_worker_that_had_this_name(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    make_newer_in(queue, "flight")
    assert queue.heartbeat("w", set())
    assert balanced_with(queue, ready=1, in_flight=0)


@pytest.mark.parametrize("kind", ["delivered", "dead"])
def test_one_that_waits_behind_an_older_head_inherits_the_lane(queue, worker, kind):
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    assert seqs(worker.claim()) == [1]
    key = queue.keys.name("held")
    (member,) = queue.client.zrange(key, 0, -1)
    queue.client.zrem(key, member)
    lane, seq, raw = member.split(b"|", 2)
    queue.client.zadd(key, {b"|".join([lane, seq, make_newer(raw)]): 0})
    assert worker.settle(1, kind, "rejected").moved == 1
    assert balanced_with(queue, ready=1, held=0, in_flight=0)
    assert queue.client.hget(queue.keys.name("lanes"), LANE) == b"2"
    assert queue.client.lrange(queue.keys.name("returning"), 0, -1) == [make_newer(raw)]


def test_a_suspect_does_not_keep_a_claim_for_ever(queue):
    queue.enqueue(entries(1))
    Requests(queue, "dead").claim()
    let_leases_run_out(queue)
    queue.rescue("run")
    make_newer_in(queue, "suspects")
    queue.enqueue([entry(2)])
    worker = Requests(queue, "w")
    assert seqs(worker.claim()) == [2]
    assert queue.client.llen(queue.keys.name("suspects")) == 1
