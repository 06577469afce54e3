"""Messages of a newer version, while workers of both run: an older worker leaves each where a newer one finds it."""

import pytest
from leadrelay.queue import DeadLetters, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.find import Search
from leadrelay.queue.hot import HotLane, hot_lanes
from leadrelay.queue.hours import read_hours
from leadrelay.queue.verify import recount
from leadrelay.tally import total

from tests.integration.moves import LANE, Requests, entries, entry, seqs
from tests.valve import set_breaker


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


def hours_pass_without_newer_workers(queue):
    queue.client.hset(queue.keys.name("replies"), "version:2", queue.now_ms() - 15 * 60_000)


def test_one_at_the_head_of_its_lane_waits_for_a_newer_worker_and_so_does_its_lane(queue, worker):
    """The first worker that meets it takes the lane for it: what was accepted later may not pass."""
    queue.enqueue([entry(1, LANE)])
    make_newer_in(queue, "ready")
    queue.enqueue([entry(2, LANE), entry(3)])
    assert seqs(worker.claim()) == [3]
    assert balanced_with(queue, ready=1, held=1, in_flight=1)
    assert queue.client.hget(queue.keys.name("lanes"), LANE) == b"1"
    assert recount(queue).findings == []


def test_one_behind_an_older_head_is_held_there(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE)])
    key = queue.keys.name("ready")
    queue.client.lset(key, 0, make_newer(queue.client.lindex(key, 0)))
    assert seqs(worker.claim()) == [1]
    assert balanced_with(queue, ready=0, held=1, in_flight=1)


def test_without_a_newer_worker_it_is_set_aside_and_its_lane_goes_on(queue, worker):
    queue.enqueue([entry(1, LANE)])
    (raw,) = map(make_newer, queue.client.lrange(queue.keys.name("ready"), 0, -1))
    make_newer_in(queue, "ready")
    queue.enqueue([entry(2, LANE)])
    assert seqs(worker.claim()) == []
    hours_pass_without_newer_workers(queue)
    assert seqs(worker.claim()) == [2]
    (letter,) = DeadLetters(queue).select()
    assert (letter.message.seq, letter.reason, letter.readable) == (1, "newer", False)
    assert letter.message.payload.endswith(b" newer\n" + raw), "as it is, for the version that knows it"
    assert balanced_with(queue, ready=0, held=0, in_flight=1, dead=1)
    assert recount(queue).findings == []
    assert total(row.tally for row in read_hours(queue, 0, 10**9).rows).dead == {"newer": 1}
    assert DeadLetters(queue).drop([1], "me", "because") == 1
    assert balanced_with(queue, dead=0, dropped=1)
    assert queue.client.hlen(queue.keys.name("watched")) == 0


def test_while_newer_workers_claim_it_is_never_set_aside(queue, worker):
    queue.enqueue(entries(1))
    make_newer_in(queue, "ready")
    hours_pass_without_newer_workers(queue)
    queue.client.hset(queue.keys.name("replies"), "version:2", queue.now_ms() - 60_000)
    for _ in range(3):
        assert seqs(worker.claim()) == []
    assert balanced_with(queue, ready=1, dead=0)


def test_every_claim_tells_older_workers_that_this_version_is_here(queue, worker):
    Valve(queue).pause("me", "even while paused")
    before = queue.now_ms()
    worker.claim()
    assert int(queue.client.hget(queue.keys.name("replies"), "version:1")) >= before


def test_a_purge_lets_its_lane_go_on(queue, worker):
    queue.enqueue([entry(1, LANE)])
    make_newer_in(queue, "ready")
    queue.enqueue([entry(2, LANE)])
    worker.claim()
    assert balanced_with(queue, ready=1, held=1)
    assert queue.purge("me", 1) == 1
    assert seqs(worker.claim()) == [2]
    assert balanced_with(queue, held=0, in_flight=1, dropped=1)


def test_one_that_waits_for_its_datasets_breaker_leaves_it_and_is_as_old_as_before(queue, worker):
    queue.enqueue([entry(1, LANE, scope="a" * 8), entry(2, scope="b" * 8)])
    set_breaker(queue, "a" * 8, "open")
    assert seqs(worker.claim()) == [2]
    key = queue.keys.name("held")
    (member,) = queue.client.zrange(key, 0, -1)
    run, seq, raw = member.split(b"|", 2)
    queue.client.zrem(key, member)
    queue.client.zadd(key, {b"|".join([run, seq, make_newer(raw)]): 0})
    set_breaker(queue, "a" * 8, "closed")
    queue.enqueue([entry(3, LANE, scope="a" * 8), entry(4)])
    assert seqs(worker.claim()) == [4], "one of its lane does not pass it"
    (waits,) = queue.client.lrange(queue.keys.name("returning"), 0, -1)
    accepted, opened = waits.split(b" ")[6:8]
    assert 0 <= int(opened) - int(accepted) < 60_000
    assert balanced_with(queue, ready=1, held=1, in_flight=2)


def test_one_of_a_stopped_dataset_does_not_pass_an_older_event_of_its_lane(queue, worker):
    queue.enqueue([entry(1, LANE, scope="a" * 8), entry(2, LANE, scope="a" * 8), entry(3, scope="b" * 8)])
    key = queue.keys.name("ready")
    queue.client.lset(key, 1, make_newer(queue.client.lindex(key, 1)))
    set_breaker(queue, "a" * 8, "open")
    assert seqs(worker.claim()) == [3]
    set_breaker(queue, "a" * 8, "closed")
    assert seqs(worker.claim()) == [1]
    assert balanced_with(queue, ready=0, held=1, in_flight=2)


def test_a_lane_that_holds_back_many_is_told_though_its_next_cannot_be_read(queue, worker):
    queue.enqueue([entry(number, LANE) for number in range(1, 6)])
    worker.claim()
    key = queue.keys.name("held")
    member = queue.client.zrange(key, 0, 0)[0]
    run, seq, raw = member.split(b"|", 2)
    queue.client.zrem(key, member)
    queue.client.zadd(key, {b"|".join([run, seq, make_newer(raw)]): 0})
    assert hot_lanes(queue, least=3) == (HotLane(LANE, 4, 2, ""),)


def test_it_is_found_by_its_eid_waiting_and_set_aside(queue, worker):
    queue.enqueue([entry(1, LANE)])
    make_newer_in(queue, "ready")
    found = Search(queue, f"{1:032x}").run()
    assert (found.state, found.message.seq, found.message.lane, found.message.payload) == ("ready", 1, LANE, b"")
    hours_pass_without_newer_workers(queue)
    worker.claim()
    found = Search(queue, f"{1:032x}").run()
    assert (found.state, found.reason, found.message.seq) == ("dead", "newer", 1)
    assert abs(found.died_ms - queue.now_ms()) < 60_000


def test_one_is_no_probe_of_its_dataset_and_keeps_no_worker_busy(queue, worker):
    queue.enqueue([entry(1, scope="a" * 8)])
    make_newer_in(queue, "ready")
    set_breaker(queue, "a" * 8, "half_open")
    assert seqs(worker.claim()) == []
    claim = worker.claim()
    assert (seqs(claim), claim.more, claim.wait_ms) == ([], False, 1000)
    assert balanced_with(queue, ready=0, held=1)
    queue.enqueue([entry(2, scope="a" * 8)])
    assert seqs(worker.claim()) == [2]
    hours_pass_without_newer_workers(queue)
    set_breaker(queue, "a" * 8, "closed")
    assert seqs(worker.claim()) == []
    assert balanced_with(queue, held=0, dead=1)


def test_no_probe_of_its_dataset_passes_one_of_its_lane(queue, worker):
    queue.enqueue([entry(1, LANE, scope="a" * 8), entry(2, LANE, scope="a" * 8), entry(3, scope="a" * 8)])
    set_breaker(queue, "a" * 8, "open")
    assert seqs(worker.claim()) == []
    key = queue.keys.name("held")
    run, seq, raw = queue.client.zrange(key, 0, 0)[0].split(b"|", 2)
    queue.client.zrem(key, b"|".join([run, seq, raw]))
    queue.client.zadd(key, {b"|".join([run, seq, make_newer(raw)]): 0})
    set_breaker(queue, "a" * 8, "half_open")
    assert seqs(worker.claim()) == [3]
    worker.settle(3)
    set_breaker(queue, "a" * 8, "half_open")
    assert seqs(worker.claim()) == []
    assert balanced_with(queue, ready=0, held=2)
