"""What is lost is noticed and said; a server that forgot its last writes."""

import os

import pytest
from leadrelay.queue import Queue, Settlement
from leadrelay.queue.books import read_books
from leadrelay.queue.verify import recount, rewinds
from leadrelay.witness import Witness

from tests.chaos.processes import Broker
from tests.integration.moves import LANE, Requests, entries, entry, seqs

PLANTED = {
    "DEL of a record": (lambda c, k: c.hdel(k("dead"), c.hkeys(k("dead"))[0]), "dead: "),
    "LPOP": (lambda c, k: c.lpop(k("ready")), "ready: "),
    "ZREM": (lambda c, k: c.zpopmin(k("scheduled")), "scheduled: "),
    "HDEL": (lambda c, k: c.hdel(k("flight"), c.hkeys(k("flight"))[0]), "in_flight: "),
    "a doubled message": (lambda c, k: c.lpush(k("ready"), c.lindex(k("ready"), 0)), "too many"),
    "FLUSHALL": (lambda c, _: c.flushall(), "the broker lost at most 8 accepted events"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_loss_is_noticed_and_said(client, tmp_path, planted):
    queue = Queue(client, witness=Witness(tmp_path, "t"))
    queue.enqueue(entries(8))
    worker = Requests(queue)
    worker.claim(limit=3)
    worker.settle(1, "dead", "rejected")
    worker.settle(2, "scheduled", "60000")
    assert recount(queue).findings + rewinds(queue, read_books(queue)) == []
    act, said = PLANTED[planted]
    act(client, queue.keys.name)
    result = recount(queue)
    assert any(said in finding for finding in [*result.findings, *rewinds(queue, result.books)])


class Forgetful(Broker):
    """A server that loses its last writes: its append-only file is cut while it is down."""

    def __init__(self, folder):
        super().__init__(folder, fsync="always")
        (self.file,) = (self.folder / "appendonlydir").glob("*.incr.aof")

    def remember(self):
        self.kept = self.file.stat().st_size

    def forget(self):
        self.kill()
        os.truncate(self.file, self.kept)
        self.start()


@pytest.fixture
def forgetful(tmp_path):
    server = Forgetful(tmp_path)
    yield server
    server.kill()


def test_a_cut_file_is_noticed(forgetful, tmp_path):
    queue = Queue(forgetful.client, witness=Witness(tmp_path, "t"))
    queue.enqueue(entries(10))
    forgetful.remember()
    for number in range(11, 31):
        queue.enqueue([entry(number)])
    forgetful.forget()
    books = recount(queue).books
    assert books.accepted == 10
    assert "the broker lost at most 20 accepted events" in rewinds(queue, books)[0]


def test_a_loss_that_the_next_event_shows_is_not_said_too_small(forgetful, tmp_path):
    queue = Queue(forgetful.client, witness=Witness(tmp_path, "t"))
    queue.enqueue([entry(1)])
    forgetful.remember()
    queue.enqueue([entry(2), entry(3)])
    forgetful.forget()
    queue.enqueue([entry(4)])
    assert "the broker lost at most 2 accepted events" in rewinds(queue, read_books(queue))[0]


def test_a_number_that_a_forgetful_broker_gave_again_is_settled_by_its_own_claim_only(forgetful):
    queue = Queue(forgetful.client)
    worker = Requests(queue)
    queue.enqueue([])
    forgetful.remember()
    queue.enqueue([entry(1)])
    worker.claim()
    forgotten = dict(worker.tokens)
    forgetful.forget()
    queue.enqueue([entry(2)])
    (claimed,) = worker.claim().messages
    assert claimed.message.seq == 1
    settled = queue.settle("w", "of the forgotten event", [Settlement(forgotten[1], "delivered")])
    assert (settled.moved, settled.late) == (0, 1)
    assert read_books(queue).in_flight == 1


def test_what_a_forgetful_broker_believes_in_flight_comes_back_with_the_next_heartbeat(forgetful):
    queue = Queue(forgetful.client)
    worker = Requests(queue)
    queue.enqueue(entries(4, lane=LANE))
    assert seqs(worker.claim()) == [1]
    forgetful.remember()
    worker.settle(1)
    assert seqs(worker.claim()) == [2]
    forgetful.forget()
    assert read_books(queue).in_flight == 1
    assert queue.heartbeat("w", holds=None)
    assert read_books(queue).in_flight == 1
    assert queue.heartbeat("w", worker.tokens.values())
    books = read_books(queue)
    assert (books.in_flight, books.rescued, books.balanced) == (0, 1, True)
    assert seqs(Requests(queue, "other").claim()) == [1]
