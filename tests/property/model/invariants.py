"""What must hold after every move."""

from __future__ import annotations

from collections import Counter

from hypothesis.stateful import invariant
from leadrelay.queue.books import read_books
from leadrelay.queue.hours import read_hours
from leadrelay.queue.mend import Mended, Mending
from leadrelay.queue.message import Message
from leadrelay.queue.verify import recount
from leadrelay.tally import total

from tests.property.model.state import LANES, Model


class Invariants(Model):
    """What must always hold."""

    @invariant()
    def in_exactly_one_place(self):
        places = [
            Message.parse(raw).seq for state in ("ready", "scheduled", "held", "in_flight") for raw in self.raws(state)
        ]
        places += self.dead_seqs() + self.delivered + list(self.dropped)
        assert sorted(places) == sorted(self.eids.values())

    @invariant()
    def books_balance(self):
        assert recount(self.queue).findings == []
        books = read_books(self.queue)
        assert books.accepted == len(self.eids)
        assert books.delivered == len(self.delivered)
        assert books.dropped == len(self.dropped)
        assert books.late == self.late

    @invariant()
    def nothing_is_to_be_mended(self):
        assert Mending(self.queue).step() == Mended(0, 0, 0)

    @invariant()
    def hours_agree_with_the_ledger(self):
        rows = read_hours(self.queue, 0, 10**9).rows
        tally, books = total(row.tally for row in rows), read_books(self.queue)
        assert tally.accepted == books.accepted
        assert tally.delivered == books.delivered
        assert tally.dead_total == books.dead
        assert tally.dropped == books.dropped
        assert tally.retried == books.retried
        assert tally.stale == self.order.stale_delivered
        assert tally.waiting == books.backlog + books.in_flight
        for row in rows:
            seqs = [seq for eid, seq in self.eids.items() if f"title {int(eid, 16) % 3}" == row.title]
            seqs = [seq for seq in seqs if self.scope[seq] == row.dataset]
            assert row.tally.accepted <= len(seqs)
            assert row.tally.delivered <= len(set(seqs) & set(self.delivered))
            assert min(row.tally.waiting, row.tally.dead_total, row.tally.dropped) >= 0

    @invariant()
    def lanes_are_serial(self):
        """A lane has at most one event in flight or scheduled, its head; what is held has a head that will move on.

        Of those that are out of their order any number may be scheduled: the lane does not wait for them.
        """
        lanes = self.broker.client.hgetall(self.queue.keys.name("lanes"))
        heads = {lane.decode(): int(head.split()[0]) for lane, head in lanes.items()}
        live = {}
        for state in ("in_flight", "scheduled"):
            for raw in self.raws(state):
                message = Message.parse(raw)
                if state == "scheduled" and (message.stale or message.gave_way):
                    assert heads.get(message.lane) != message.seq, "a lane waits for one that gave way"
                elif message.lane:
                    assert live.setdefault(message.lane, message.seq) == message.seq
                    assert heads[message.lane] == message.seq
        present = {
            Message.parse(raw).seq for state in ("ready", "scheduled", "held", "in_flight") for raw in self.raws(state)
        }
        assert set(heads.values()) <= present, "a lane waits for an event that is gone"
        for member in self.broker.client.zrange(self.queue.keys.name("held"), 0, -1):
            run = member.partition(b"|")[0].decode()
            assert run.startswith("!") or run in heads, "held behind nothing"

    @invariant()
    def lanes_of_those_that_stayed_behind_are_watched(self):
        watched = self.broker.client.hgetall(self.queue.keys.name("watched"))
        counted = {lane.decode(): int(value.split()[0]) for lane, value in watched.items()}
        behind = [letter.message.lane for letter in self.dead.select() if letter.message.lane]
        for state in ("ready", "scheduled", "held", "in_flight"):
            messages = map(Message.parse, self.raws(state))
            behind += [message.lane for message in messages if message.gave_way]
        assert counted == Counter(behind)

    @invariant()
    def order_per_lane(self):
        """Live events of a lane arrive in order of enqueueing, each for the first time, but for those flagged stale."""
        for lane in {lane for lanes in LANES.values() for lane in lanes} - {""}:
            seqs = [seq for of, seq in self.order.sent if of == lane and seq not in self.bulk]
            assert seqs == sorted(seqs)

    @invariant()
    def somebody_is_woken(self):
        books = read_books(self.queue)
        flows = books.sending.state == "on" and books.sending.rate is None
        if books.lengths["ready"] and flows and not any(worker.held for worker in self.workers.values()):
            claim = self.queue.claim("probe", self.request(), 0, 1, 0)
            assert claim.messages == ()
            assert read_books(self.queue).lengths["wake"] == 1
